import type { TestFn } from "ava";
import {
  addProject,
  addRun,
  blockName,
  countWins,
  type OpenedDatabase,
  randomId,
  STRANGE_IDS,
  upload,
} from "./opened-database.js";

export function testRuns(test: TestFn, opened: () => OpenedDatabase): void {
  test("finds a run as it was added, only in its project", async (t) => {
    const { database, connection } = opened();
    for (const [resultType, type] of [
      ["groups", "default"],
      ["permutations", "default"],
      ["similarity_scores", "no_mapping"],
    ] as const) {
      const { project } = await addProject(database, { resultType });
      const run = {
        runId: randomId(),
        projectId: project.projectId,
        threshold: 0.1 + 0.2,
        name: "😀 '; --",
        notes: "n".repeat(10_000),
      };
      t.true(await database.addRun(run));
      const { timeAdded, ...found } = (await database.findRun(project.projectId, run.runId))!;
      t.deepEqual(found, {
        ...run,
        state: "created",
        stage: 1,
        timeStarted: undefined,
        timeCompleted: undefined,
        errorMessage: undefined,
      });
      t.true(Math.abs(timeAdded.getTime() - Date.now()) < 60_000);
      const rows = await connection.query("SELECT type FROM runs WHERE run_id = $1", [run.runId]);
      t.deepEqual(rows, [{ type }]);
      const other = await addProject(database);
      t.is(await database.findRun(other.project.projectId, run.runId), undefined);
      t.is(await database.runState(other.project.projectId, run.runId), undefined);
      t.is(await database.removeRun(other.project.projectId, run.runId), undefined);
      t.is(await database.runState(project.projectId, run.runId), "created");
    }
  });

  test("a run passes through its states, each transition succeeding once", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const runId = await addRun(database, project.projectId, "created");
    const find = async () => (await database.findRun(project.projectId, runId))!;
    const many = (step: () => Promise<boolean>) => countWins(Array.from({ length: 8 }, step));

    t.false(await database.progressStage(runId, 1));
    t.false(await database.completeRun(runId));
    const queued = await Promise.all(Array.from({ length: 8 }, () => database.queueRuns(project.projectId)));
    t.deepEqual(queued.flat(), [runId]);
    t.like(await find(), { state: "queued", stage: 2, timeStarted: undefined });
    t.is(await many(() => database.startRun(runId)), 1);
    t.like(await find(), { state: "running", stage: 2, timeCompleted: undefined });
    t.true(Math.abs((await find()).timeStarted!.getTime() - Date.now()) < 60_000);
    t.false(await database.progressStage(runId, 1));
    t.false(await database.progressStage(runId, 3));
    t.is(await many(() => database.progressStage(runId, 2)), 1);
    t.is((await find()).stage, 3);
    t.is(await many(() => database.completeRun(runId)), 1);
    const completed = await find();
    t.like(completed, { state: "completed", stage: 3 });
    t.true(
      completed.timeCompleted! >= completed.timeStarted! && completed.timeStarted! >= completed.timeAdded,
    );
    t.false(await database.startRun(runId));
    t.false(await database.failRun(runId, "late"));
    t.false(await database.progressStage(runId, 3));
    t.deepEqual(await database.queueRuns(project.projectId), []);
    t.like(await find(), { state: "completed", errorMessage: undefined });
  });

  test("a run in state created can start", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const runId = await addRun(database, project.projectId, "created");
    t.true(await database.startRun(runId));
    t.is(await database.runState(project.projectId, runId), "running");
  });

  test("queues all created runs of a project at once, oldest first", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const other = await addProject(database);
    const otherRun = await addRun(database, other.project.projectId, "created");
    const runIds: string[] = [];
    for (let n = 0; n < 5; n++) runIds.push(await addRun(database, project.projectId, "created"));
    t.deepEqual(await database.queueRuns(project.projectId), runIds);
    t.is(await database.runState(other.project.projectId, otherRun), "created");
    t.deepEqual(
      (await database.listRuns(project.projectId)).map(({ runId }) => runId),
      runIds,
    );
  });

  test("an unfinished run can fail once, with its message", async (t) => {
    const { database } = opened();
    for (const state of ["created", "queued", "running"] as const) {
      const { project } = await addProject(database);
      const runId = await addRun(database, project.projectId, state);
      const message = `${state}: a \0 and half a \ud83d`;
      t.is(await countWins(Array.from({ length: 4 }, () => database.failRun(runId, message))), 1);
      const run = (await database.findRun(project.projectId, runId))!;
      t.like(run, { state: "error", errorMessage: `${state}: a \ufffd and half a \ufffd` });
      t.true(run.timeCompleted instanceof Date);
      t.false(await database.startRun(runId));
      t.false(await database.completeRun(runId));
    }
  });

  test("a run is either completed or failed, not both", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    for (let n = 0; n < 10; n++) {
      const runId = await addRun(database, project.projectId);
      t.is(await countWins([database.completeRun(runId), database.failRun(runId, "failed")]), 1);
    }
  });

  test("fails all unfinished runs of a project", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const completed = await addRun(database, project.projectId);
    await database.completeRun(completed);
    const running = await addRun(database, project.projectId);
    const created = await addRun(database, project.projectId, "created");
    t.deepEqual(await database.failRunsOfProject(project.projectId, "no \0 good"), [running, created]);
    t.deepEqual(await database.failRunsOfProject(project.projectId, "again"), []);
    t.deepEqual(
      (await database.listRuns(project.projectId)).map(({ state, errorMessage }) => [state, errorMessage]),
      [
        ["completed", undefined],
        ["error", "no \ufffd good"],
        ["error", "no \ufffd good"],
      ],
    );
  });

  test("lists unfinished runs oldest first, and counts runs by state", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const running = await addRun(database, project.projectId);
    const queued = await addRun(database, project.projectId, "queued");
    const failed = await addRun(database, project.projectId);
    await database.failRun(failed, "failed");
    const created = await addRun(database, project.projectId, "created");
    const unfinished = await database.listUnfinishedRuns();
    t.deepEqual(
      unfinished.filter(({ projectId }) => projectId === project.projectId).map(({ runId }) => runId),
      [running, queued, created],
    );
    const counts = await database.countRuns();
    t.deepEqual(Object.keys(counts).sort(), ["completed", "created", "error", "queued", "running"]);
    for (const state of ["created", "queued", "running", "error"] as const) t.true(counts[state] >= 1, state);
  });

  test("removing a run deletes its results and returns its files to one caller only", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database);
    const runId = await addRun(database, project.projectId);
    await database.addSimilarityScores(runId, "similarity-scores/x.bin");
    await database.addGroups(runId, "[]");
    const permutations = [{ dataproviderId: parties[0]!.id, permutation: "[0]" }];
    await database.addPermutations(project.projectId, runId, permutations, "[1]");
    const calls = Array.from({ length: 4 }, () => database.removeRun(project.projectId, runId));
    const removed = (await Promise.all(calls)).filter((files) => files !== undefined);
    t.deepEqual(removed, [["similarity-scores/x.bin"]]);
    for (const [table, column] of [
      ["runs", "run_id"],
      ["run_results", "run_id"],
      ["similarity_scores", "run"],
      ["permutations", "run"],
      ["permutation_masks", "run"],
    ]) {
      t.deepEqual(await connection.query(`SELECT 1 FROM ${table} WHERE ${column} = $1`, [runId]), [], table);
    }
    t.is((await database.listRuns(project.projectId)).length, 0);
  });

  test("unknown run ids find nothing", async (t) => {
    const { database } = opened();
    const { project } = await addProject(database);
    const known = await addRun(database, project.projectId);
    for (const id of [...STRANGE_IDS, `${known} `]) {
      t.is(await database.findRun(project.projectId, id), undefined, id);
      t.is(await database.runState(project.projectId, id), undefined);
      t.false(await database.startRun(id));
      t.false(await database.progressStage(id, 2));
      t.false(await database.completeRun(id));
      t.false(await database.failRun(id, "no"));
      t.is(await database.removeRun(project.projectId, id), undefined);
      await database.addSimilarityScores(id, "x");
      await database.addGroups(id, "[]");
      await database.addPermutations(project.projectId, id, [], "[]");
      t.is(await database.findSimilarityScores(id), undefined);
      t.is(await database.findGroups(id), undefined);
      t.is(await database.findPermutation(id, 1), undefined);
      t.is(await database.findMask(id), undefined);
    }
    t.is(await database.runState(project.projectId, known), "running");
  });

  test("measures comparisons and time of completed runs", async (t) => {
    const { database, connection } = opened();
    const { project, parties } = await addProject(database);
    const name = blockName();
    // So many records that those of other tests do not matter.
    await upload(database, parties[0]!.id, { [name]: 1_000_000_000 });
    await upload(database, parties[1]!.id, { [name]: 2_000_000 });
    const before = await database.measureRuns();
    for (let n = 0; n < 3; n++) {
      const runId = await addRun(database, project.projectId);
      if (n > 0) await database.completeRun(runId);
      await connection.query(
        "UPDATE runs SET time_completed = time_started + interval '100000 seconds' WHERE run_id = $1",
        [runId],
      );
    }
    const { comparisons, seconds } = await database.measureRuns();
    t.is(Math.round((comparisons - before.comparisons) / 1e15), 4);
    t.is(Math.round((seconds - before.seconds) / 1e5), 2);
    await database.markProjectDeleted(project.projectId);
    t.true((await database.measureRuns()).comparisons < 1e15);
  });

  test.serial("finds the newest comparison rate, rounded to a whole number", async (t) => {
    const { database } = opened();
    t.is(await database.findComparisonRate(), undefined);
    await database.addComparisonRate(5e12);
    await database.addComparisonRate(1234.4);
    t.is(await database.findComparisonRate(), 1234);
  });
}
