import type { TestFn } from "ava";
import { addProject, type OpenedDatabase, randomId, upload } from "./opened-database.js";

const SUMMARY = { recordCount: 3, blockCount: 1, encodingSize: 8 };

/** Uploads that our tasks or a Python worker's store, and uploads that fail. */
export function testUploads(test: TestFn, opened: () => OpenedDatabase): void {
  test("an accepted upload is pending and its party done until a task finishes it", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    const token = randomId();
    t.false(await database.acceptPendingUpload(id, token));
    await database.beginUpload(id, token, undefined);
    t.false(await database.acceptPendingUpload(id, randomId()));
    t.true(await database.acceptPendingUpload(id, token));
    t.true(
      await database.acceptPendingUpload(id, token),
      "again, as a caller that has missed the answer asks",
    );
    t.like((await database.listDataproviders(project.projectId))[0], { state: "done" });
    t.false(await database.takeOverUpload(id, token, randomId(), undefined));
    t.false(await database.beginUpload(id, randomId(), undefined));
    const [pending] = (await database.listPendingUploads()).filter(
      ({ projectId }) => projectId === project.projectId,
    );
    t.deepEqual(pending, {
      dataproviderId: id,
      projectId: project.projectId,
      receiptToken: token,
      partyState: "done",
      file: undefined,
    });
    t.true(await database.preparePendingUpload(id, token, "packed/of-a-task"));
    t.is((await database.findUpload(id))?.file, "packed/of-a-task");
    t.true(await database.finishUpload(id, token, SUMMARY, "ready"));
    t.false((await database.listPendingUploads()).some(({ projectId }) => projectId === project.projectId));
  });

  test("a task adds the upload that the Python API left to it, once", async (t) => {
    const { database, connection } = opened();
    const { parties } = await addProject(database);
    const { id } = parties[0]!;
    await connection.query("UPDATE dataproviders SET uploaded = 'done' WHERE id = $1", [id]);
    const token = randomId();
    const calls = Array.from({ length: 4 }, () => database.preparePendingUpload(id, token, "packed/x"));
    t.deepEqual(await Promise.all(calls), [true, true, true, true]);
    t.is((await connection.query("SELECT 1 FROM uploads WHERE dp = $1", [id])).length, 1);
    t.like(await database.findUpload(id), { receiptToken: token, state: "pending", file: "packed/x" });
    t.false(
      await database.preparePendingUpload(id, randomId(), undefined),
      "a late task of an earlier upload",
    );
    await database.finishUpload(id, token, SUMMARY, "error");
    t.false(
      await database.preparePendingUpload(id, token, undefined),
      "a task that comes again after the error",
    );
    const next = randomId();
    t.true(await database.preparePendingUpload(id, next, undefined));
    t.is((await connection.query("SELECT 1 FROM uploads WHERE dp = $1", [id])).length, 1);
  });

  test("a failed upload puts itself and its party in error", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database, { partyCount: 4 });
    const ids = parties.map(({ id }) => id);
    const { receiptToken } = await upload(database, ids[0]!);
    await database.failUpload(ids[0]!, receiptToken);
    await upload(database, ids[1]!);
    await database.failUpload(ids[1]!, undefined);
    const missing = randomId();
    await database.failUpload(ids[2]!, missing);
    await database.failUpload(ids[2]!, missing);
    await database.failUpload(ids[3]!, undefined);
    const failed = await database.listDataproviders(project.projectId);
    t.deepEqual(
      failed.map(({ state, upload: found }) => [state, found?.state]),
      [
        ["error", "error"],
        ["error", "error"],
        ["error", "error"],
        ["error", undefined],
      ],
    );
    t.is(failed[2]?.upload?.receiptToken, missing);
    for (const id of ids) t.true(await database.beginUpload(id, randomId(), undefined));
  });

  test("a late failure of an earlier upload does not affect the next one", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    await database.beginUpload(id, randomId(), undefined);
    await database.failUpload(id, randomId());
    t.like((await database.listDataproviders(project.projectId))[0], {
      state: "in_progress",
      upload: { state: "pending" },
    });
  });

  test("the newest of several uploads of a party counts", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database);
    const tokens = [randomId(), randomId()];
    for (const [n, token] of tokens.entries()) {
      await connection.query(
        "INSERT INTO uploads (dp, token, state, count, file) VALUES ($1, $2, $3, $4, 'DELETED')",
        [parties[0]!.id, token, n === 0 ? "error" : "ready", n],
      );
    }
    const [party] = await database.listDataproviders(project.projectId);
    t.like(party?.upload, { receiptToken: tokens[1], state: "ready", recordCount: 1 });
    t.deepEqual(await database.findUpload(parties[0]!.id), party?.upload);
    t.is((await database.listDataproviders(project.projectId)).length, 2);
    t.deepEqual(await database.listProjectFiles(project.projectId), [], "DELETED is no name");
  });
}
