import type { TestFn } from "ava";
import {
  addProject,
  addRun,
  blockName,
  type OpenedDatabase,
  randomId,
  STRANGE_IDS,
  upload,
} from "./opened-database.js";

export function testProjects(test: TestFn, opened: () => OpenedDatabase): void {
  test("finds a project as it was added, with its creation time", async (t) => {
    const { database } = opened();
    const before = Date.now() - 1000;
    const { project } = await addProject(database, {
      resultType: "permutations",
      schema: { clkConfig: { l: 1024 }, "": [1.5, null, "'", '"', "\\", "\n"], __proto__: null },
      name: "Ærøskøbing 😀 '; DROP TABLE projects; -- \u0001\u007f\u2028",
      notes: "x".repeat(100_000),
      usesBlocking: true,
    });
    const { timeAdded, ...found } = (await database.findProject(project.projectId))!;
    t.deepEqual(found, { ...project, schema: { ...project.schema }, encodingSize: undefined });
    t.true(
      timeAdded.getTime() >= before && timeAdded.getTime() <= Date.now() + 1000,
      timeAdded.toISOString(),
    );
  });

  test("rejects strings that a database cannot store, naming the field", async (t) => {
    const { database } = opened();
    for (const text of ["a\0b", "\ud800", "\udc00\ud800"]) {
      const error = { code: "invalid-request" };
      await t.throwsAsync(addProject(database, { name: text }), { ...error, message: /^name must be / });
      await t.throwsAsync(addProject(database, { notes: text }), { ...error, message: /^notes must be / });
      await t.throwsAsync(addProject(database, { schema: { a: [text] } }), {
        ...error,
        message: /^schema must be /,
      });
      await t.throwsAsync(addProject(database, { schema: { [text]: 1 } }), {
        ...error,
        message: /^schema must be /,
      });
      const { project } = await addProject(database);
      const run = { runId: randomId(), projectId: project.projectId, threshold: 1, name: "", notes: text };
      await t.throwsAsync(database.addRun(run), { ...error, message: /^notes must be / });
      t.deepEqual(await database.listRuns(project.projectId), []);
    }
  });

  test("parties are indexed in the order of their tokens", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database, { partyCount: 3 });
    const many = Array.from({ length: 60 }, randomId);
    const other = { ...project, projectId: randomId(), partyCount: 60 };
    await database.addProject(other, many);
    const parties = await database.listDataproviders(other.projectId);
    t.deepEqual(
      parties.map(({ updateToken }) => updateToken),
      many,
    );
    t.deepEqual(
      parties.map(({ index }) => index),
      many.map((_, n) => n),
    );
    t.true(parties.every(({ state, upload }) => state === "not_started" && upload === undefined));
    t.true(parties.every(({ id }) => Number.isInteger(id) && id > 0));
  });

  test("does not store a project if its tokens cannot be stored", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const other = { ...project, projectId: randomId() };
    await t.throwsAsync(database.addProject(other, [randomId(), "f".repeat(49)]));
    t.is(await database.findProject(other.projectId), undefined);
  });

  test("lists projects oldest first, and counts them", async (t) => {
    const { database } = opened();
    const ids: string[] = [];
    for (let n = 0; n < 3; n++) ids.push((await addProject(database)).project.projectId);
    const listed = (await database.listProjects()).filter(({ projectId }) => ids.includes(projectId));
    t.deepEqual(
      listed.map(({ projectId }) => projectId),
      ids,
    );
    t.true(listed.every(({ timeAdded }) => Math.abs(timeAdded.getTime() - Date.now()) < 60_000));
    t.true((await database.countProjects()) >= 3);
  });

  test("the encoding size is set only once", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const settled = await Promise.all(
      [8, 16, 32].map((size) => database.settleEncodingSize(project.projectId, size)),
    );
    t.is(new Set(settled).size, 1);
    t.is((await database.findProject(project.projectId))?.encodingSize, settled[0]);
    t.is(await database.settleEncodingSize(project.projectId, 64), settled[0]);
    t.is(await database.settleEncodingSize(randomId(), 64), undefined);
  });

  test("a project marked for deletion is no longer accessible", async (t) => {
    const { database } = opened();
    const { project, parties } = await addProject(database);
    const { projectId } = project;
    const { receiptToken } = await upload(database, parties[0]!.id);
    const pending = randomId();
    await database.beginUpload(parties[1]!.id, pending, undefined);
    const runId = await addRun(database, projectId, "queued");
    const waiting = await addRun(database, projectId, "created");

    t.true(await database.markProjectDeleted(projectId));
    t.false(await database.markProjectDeleted(projectId));
    t.is(await database.findProject(projectId), undefined);
    t.deepEqual(await database.listDataproviders(projectId), []);
    t.false((await database.listProjects()).some((listed) => listed.projectId === projectId));
    t.true((await database.listDeletedProjects()).includes(projectId));
    t.is(await database.settleEncodingSize(projectId, 8), undefined);
    t.is(await database.runState(projectId, runId), undefined);
    t.is(await database.findRun(projectId, runId), undefined);
    t.deepEqual(await database.listRuns(projectId), []);
    t.deepEqual(await database.queueRuns(projectId), []);
    t.false((await database.listUnfinishedRuns()).some((run) => run.projectId === projectId));
    t.false((await database.listPendingUploads()).some((found) => found.projectId === projectId));
    t.false(await database.addRun({ runId: randomId(), projectId, threshold: 1, name: "", notes: "" }));
    t.false(await database.beginUpload(parties[0]!.id, randomId(), undefined));
    t.false(await database.preparePendingUpload(parties[0]!.id, randomId(), undefined));
    await database.failUpload(parties[0]!.id, receiptToken);
    t.is((await database.findUpload(parties[0]!.id))?.state, "ready");
    t.deepEqual(await database.listProjectRunIds(projectId), [runId, waiting]);
  });

  test("removing a project deletes its rows from all tables and leaves other projects alone", async (t) => {
    const { database, connection } = opened();
    const other = await addFullProject();
    const { projectId, partyIds, runId } = await addFullProject();
    t.deepEqual([...(await database.listProjectFiles(projectId))].sort(), [
      `packed/${partyIds[0]}`,
      `similarity-scores/${runId}.bin`,
    ]);
    t.is((await rowsOf(projectId, partyIds, runId)).filter(({ count }) => count === 0).length, 0);
    await database.markProjectDeleted(projectId);
    await Promise.all([database.removeProject(projectId), database.removeProject(projectId)]);
    t.deepEqual(
      (await rowsOf(projectId, partyIds, runId)).filter(({ count }) => count > 0),
      [],
    );
    t.false((await database.listDeletedProjects()).includes(projectId));
    t.is(
      (await rowsOf(other.projectId, other.partyIds, other.runId)).filter(({ count }) => count === 0).length,
      0,
    );
    await database.removeProject(projectId);

    async function addFullProject() {
      const { project, parties } = await addProject(database);
      const partyIds = parties.map(({ id }) => id);
      const token = randomId();
      await database.beginUpload(partyIds[0]!, token, `packed/${partyIds[0]}`);
      const [blockId] = await database.addBlocks(partyIds[0]!, token, [
        { name: blockName(), recordCount: 3 },
      ]);
      for (let row = 0; row < 3; row++) {
        const id = `(${partyIds[0]}::bigint << 32) + ${row}`;
        // As of a Python service before it stored the party with each encoding.
        await connection.query(`INSERT INTO encodings (encoding_id, encoding) VALUES (${id}, '\\x00')`);
        await connection.query(
          `INSERT INTO encodingblocks VALUES (${partyIds[0]}, ${row}, ${id}, ${blockId})`,
        );
      }
      const runId = await addRun(database, project.projectId);
      await database.addGroups(runId, "[[[0,1],[1,2]]]");
      await database.addSimilarityScores(runId, `similarity-scores/${runId}.bin`);
      await database.addPermutations(
        project.projectId,
        runId,
        [{ dataproviderId: partyIds[1]!, permutation: "[0]" }],
        "[1]",
      );
      return { projectId: project.projectId, partyIds, runId };
    }

    function rowsOf(projectId: string, partyIds: readonly number[], runId: string) {
      const parties = partyIds.join();
      const isIn = {
        projects: `project_id = '${projectId}'`,
        dataproviders: `id IN (${parties})`,
        uploads: `dp IN (${parties})`,
        blocks: `dp IN (${parties})`,
        encodings: `encoding_id >> 32 IN (${parties})`,
        encodingblocks: `dp IN (${parties})`,
        runs: `run_id = '${runId}'`,
        run_results: `run_id = '${runId}'`,
        similarity_scores: `run = '${runId}'`,
        permutations: `run = '${runId}'`,
        permutation_masks: `run = '${runId}'`,
      };
      const counts = Object.entries(isIn).map(
        ([table, condition]) =>
          `SELECT '${table}' AS table, count(*)::integer AS count FROM ${table} WHERE ${condition}`,
      );
      return connection.query<{ table: string; count: number }>(counts.join(" UNION ALL "));
    }
  });

  test("removes a project with many rows", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database);
    const { id } = parties[0]!;
    const token = randomId();
    await database.beginUpload(id, token, undefined);
    const blocks = Array.from({ length: 45_000 }, () => ({ name: blockName(), recordCount: 1 }));
    await database.addBlocks(id, token, blocks);
    await connection.query(
      `INSERT INTO encodings (encoding_id, encoding, dp)
       SELECT ($1::integer::bigint << 32) + n, '\\x00', $1 FROM generate_series(0, 44999) AS n`,
      [id],
    );
    await connection.query(
      `INSERT INTO encodingblocks (dp, entity_id, encoding_id, block_id)
       SELECT $1, row_number() OVER () - 1, ($1::integer::bigint << 32) + row_number() OVER () - 1, block_id
       FROM blocks WHERE dp = $1`,
      [id],
    );
    await database.removeProject(project.projectId);
    const [left] = await connection.query<{ count: number }>(
      `SELECT ((SELECT count(*) FROM blocks WHERE dp = $1)
         + (SELECT count(*) FROM encodingblocks WHERE dp = $1)
         + (SELECT count(*) FROM encodings WHERE encoding_id >> 32 = $1))::integer AS count`,
      [id],
    );
    t.is(left?.count, 0);
  });

  test("unknown project ids find nothing and change nothing", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const runId = await addRun(database, project.projectId);
    for (const id of [
      ...STRANGE_IDS,
      `${project.projectId} `,
      ` ${project.projectId}`,
      project.projectId.slice(1),
    ]) {
      t.is(await database.findProject(id), undefined, id);
      t.deepEqual(await database.listDataproviders(id), []);
      t.is(await database.settleEncodingSize(id, 8), undefined);
      t.false(await database.markProjectDeleted(id));
      t.deepEqual(await database.listProjectFiles(id), []);
      t.deepEqual(await database.listProjectRunIds(id), []);
      await database.removeProject(id);
      t.is(await database.countComparisons(id), 0);
      t.false(await database.addRun({ runId: randomId(), projectId: id, threshold: 1, name: "", notes: "" }));
      t.deepEqual(await database.listRuns(id), []);
      t.is(await database.findRun(id, runId), undefined);
      t.is(await database.runState(id, runId), undefined);
      t.deepEqual(await database.queueRuns(id), []);
      t.deepEqual(await database.failRunsOfProject(id, "no"), []);
      t.is(await database.removeRun(id, runId), undefined);
    }
    t.is(await database.runState(project.projectId, runId), "running");
  });
}
