import type { TestFn } from "ava";
import {
  addProject,
  countWins,
  type OpenedDatabase,
  randomId,
  STRANGE_IDS,
  STRANGE_NUMBERS,
  upload,
} from "./opened-database.js";

const SUMMARY = { recordCount: 3, blockCount: 1, encodingSize: 8 };

/** Which upload holds a party's upload slot, and when. */
export function testUploadSlots(test: TestFn, opened: () => OpenedDatabase): void {
  test("one of several concurrent uploads gets the slot", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const tokens = Array.from({ length: 8 }, randomId);
    const calls = await Promise.all(
      tokens.map((token) => database.beginUpload(parties[0]!.id, token, `packed/${token}`)),
    );
    t.is(calls.filter((won) => won).length, 1);
    const winner = tokens[calls.indexOf(true)]!;
    const [party, other] = await database.listDataproviders(project.projectId);
    t.is(party?.state, "in_progress");
    const { timeAdded, ...begun } = party!.upload!;
    t.deepEqual(begun, {
      receiptToken: winner,
      state: "pending",
      recordCount: 0,
      blockCount: 0,
      encodingSize: undefined,
      file: `packed/${winner}`,
    });
    t.true(Math.abs(timeAdded.getTime() - Date.now()) < 60_000);
    t.is(other?.state, "not_started");
  });

  test("adding a project or run, and beginning or taking over an upload, can be repeated", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    await database.addProject(project, [randomId(), randomId()]);
    t.deepEqual(await database.listDataproviders(project.projectId), parties);

    const run = { runId: randomId(), projectId: project.projectId, threshold: 0.9, name: "once", notes: "" };
    for (let n = 0; n < 2; n++) t.true(await database.addRun(run));
    t.deepEqual(
      (await database.listRuns(project.projectId)).map(({ runId, name }) => [runId, name]),
      [[run.runId, "once"]],
    );

    const [token, next] = [randomId(), randomId()];
    for (let n = 0; n < 2; n++) t.true(await database.beginUpload(id, token, undefined));
    for (let n = 0; n < 2; n++) t.true(await database.takeOverUpload(id, token, next, undefined));
    t.false(await database.beginUpload(id, token, undefined), "one that was taken over");
    t.like(await database.findUpload(id), { receiptToken: next, state: "pending" });
  });

  test("a finished upload is ready, its party is done, and the slot is closed", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    const token = randomId();
    await database.beginUpload(id, token, undefined);
    t.false(await database.finishUpload(id, randomId(), SUMMARY, "ready"));
    const calls = Array.from({ length: 5 }, () => database.finishUpload(id, token, SUMMARY, "ready"));
    t.is(await countWins(calls), 1);
    const [party] = await database.listDataproviders(project.projectId);
    t.is(party?.state, "done");
    t.like(party?.upload, { receiptToken: token, state: "ready", ...SUMMARY });
    t.false(await database.beginUpload(id, randomId(), undefined));
    t.false(await database.takeOverUpload(id, token, randomId(), undefined));
    t.false(await database.acceptPendingUpload(id, token));
    t.false(await database.preparePendingUpload(id, token, undefined));
    await database.dropUpload(id, token, "not_started");
    t.is((await database.findUpload(id))?.state, "ready");
  });

  test("a failed upload releases the slot to the next upload, which replaces it", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    const token = randomId();
    await database.beginUpload(id, token, undefined);
    t.true(await database.finishUpload(id, token, SUMMARY, "error"));
    t.like((await database.listDataproviders(project.projectId))[0], { state: "error" });
    t.is((await database.findUpload(id))?.state, "error");
    const next = randomId();
    t.true(await database.beginUpload(id, next, undefined));
    t.is((await database.findUpload(id))?.receiptToken, next);
    t.false(await database.finishUpload(id, token, SUMMARY, "ready"));
  });

  test("one of several concurrent takeovers gets the slot, and the old upload loses it", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    const abandoned = randomId();
    t.false(await database.takeOverUpload(id, abandoned, randomId(), undefined));
    await database.beginUpload(id, abandoned, "packed/old");
    const tokens = Array.from({ length: 8 }, randomId);
    const calls = await Promise.all(
      tokens.map((token) => database.takeOverUpload(id, abandoned, token, "packed/new")),
    );
    t.is(calls.filter((won) => won).length, 1);
    const winner = tokens[calls.indexOf(true)]!;
    t.like(await database.findUpload(id), { receiptToken: winner, file: "packed/new", state: "pending" });
    t.false(await database.finishUpload(id, abandoned, SUMMARY, "ready"));
    await database.dropUpload(id, abandoned, "not_started");
    t.is((await database.listDataproviders(project.projectId))[0]?.state, "in_progress");
    await t.throwsAsync(database.addBlocks(id, abandoned, [{ name: "a", recordCount: 1 }]), {
      code: "forbidden",
    });
    t.true(await database.finishUpload(id, winner, SUMMARY, "ready"));
  });

  test("an upload is either finished or taken over, not both", async (t) => {
    const { database } = opened();
    for (let n = 0; n < 10; n++) {
      const { parties } = await addProject(database);
      const { id } = parties[0]!;
      const token = randomId();
      const next = randomId();
      await database.beginUpload(id, token, undefined);
      const [finished, takenOver] = await Promise.all([
        database.finishUpload(id, token, SUMMARY, "ready"),
        database.takeOverUpload(id, token, next, undefined),
      ]);
      t.true(finished !== takenOver);
      t.is((await database.findUpload(id))?.receiptToken, finished ? token : next);
    }
  });

  test("dropping an upload removes it and sets the state of its party", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    for (const state of ["error", "not_started"] as const) {
      const token = randomId();
      t.true(await database.beginUpload(id, token, undefined));
      await database.dropUpload(id, token, state);
      await database.dropUpload(id, token, state);
      t.like((await database.listDataproviders(project.projectId))[0], { state, upload: undefined });
    }
    t.deepEqual(await connection.query("SELECT 1 FROM uploads WHERE dp = $1", [id]), []);
  });

  test("a receipt token does not affect another party's upload", async (t) => {
    const { database } = opened();
    const { parties } = await addProject(database);
    const [first, second] = [parties[0]!, parties[1]!];
    const token = randomId();
    await database.beginUpload(first.id, token, undefined);
    await database.beginUpload(second.id, randomId(), undefined);
    t.false(await database.finishUpload(second.id, token, SUMMARY, "ready"));
    t.false(await database.takeOverUpload(second.id, token, randomId(), undefined));
    t.false(await database.acceptPendingUpload(second.id, token));
    await database.dropUpload(second.id, token, "not_started");
    await t.throwsAsync(database.addBlocks(second.id, token, []), { code: "forbidden" });
    t.is((await database.findUpload(first.id))?.state, "pending");
  });

  test("unknown parties and tokens get no slot", async (t) => {
    const { database } = opened();
    const { parties } = await addProject(database);
    const { receiptToken } = await upload(database, parties[0]!.id);
    for (const id of STRANGE_NUMBERS) {
      t.false(await database.beginUpload(id, randomId(), undefined), String(id));
      t.false(await database.takeOverUpload(id, receiptToken, randomId(), undefined));
      t.false(await database.finishUpload(id, receiptToken, SUMMARY, "ready"));
      await database.dropUpload(id, receiptToken, "error");
      t.false(await database.acceptPendingUpload(id, receiptToken));
      t.false(await database.preparePendingUpload(id, receiptToken, undefined));
      await database.failUpload(id, receiptToken);
      await database.failUpload(id, undefined);
      t.is(await database.findUpload(id), undefined);
      await t.throwsAsync(database.addBlocks(id, receiptToken, []), { code: "forbidden" });
      await database.removeBlocks(id);
      t.is(await database.findPermutation(randomId(), id), undefined);
      for await (const _ of database.listCommonBlocks(id, parties[0]!.id)) t.fail();
      for await (const _ of database.listCommonBlocks(parties[0]!.id, id)) t.fail();
    }
    await database.beginUpload(parties[1]!.id, randomId(), undefined);
    for (const token of STRANGE_IDS) {
      t.false(await database.takeOverUpload(parties[1]!.id, token, randomId(), undefined), token);
      t.false(await database.finishUpload(parties[1]!.id, token, SUMMARY, "ready"));
      t.false(await database.acceptPendingUpload(parties[1]!.id, token));
      await database.dropUpload(parties[1]!.id, token, "error");
      await database.failUpload(parties[1]!.id, token);
      await t.throwsAsync(database.addBlocks(parties[1]!.id, token, []), { code: "forbidden" });
    }
    t.is((await database.findUpload(parties[1]!.id))?.state, "pending");
  });
}
