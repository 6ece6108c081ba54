// Runs from the first task to the last, in one process, compared with the library's results.
import test from "ava";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { candidateFilePrefix } from "../../src/linkage/candidate-file-names.js";
import { checkForExecutableRuns, TASK_NAMES } from "../../src/linkage/task-calls.js";
import {
  addProject,
  addRun,
  doRun,
  type EmbeddedParts,
  expectedPairs,
  openParts,
  pairsOf,
  randomParties,
  startTasks,
  storeProject,
  upload,
} from "./embedded-parts.js";

async function filesOf({ objects }: EmbeddedParts, runId: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of objects.list(candidateFilePrefix(runId))) names.push(name);
  return names;
}

for (const chunkSizeAim of [1000, 300_000_000]) {
  for (const usesBlocks of [false, true]) {
    const name = `chunks of ${chunkSizeAim}, ${usesBlocks ? "with" : "without"} blocks`;

    test(`${name}: similarity scores`, async (t) => {
      const parts = await openParts((close) => t.teardown(close));
      startTasks(parts, { chunkSizeAim });
      const parties = randomParties(1, 2, 200, usesBlocks);
      const project = await storeProject(parts, "similarity_scores", parties);
      const runId = await doRun(parts, project);
      t.like(await parts.database.findRun(project.projectId, runId), { state: "completed", stage: 2 });
      t.deepEqual(await pairsOf(parts, runId), await expectedPairs(parties));
      t.is((await filesOf(parts, runId)).length, 1, "the parts' files are removed");
      t.is(await parts.cache.runState(runId), "complete");
      t.deepEqual(parts.failures, []);
    });

    for (const count of [2, 3, 5]) {
      test(`${name}: groups of ${count} parties`, async (t) => {
        const parts = await openParts((close) => t.teardown(close));
        startTasks(parts, { chunkSizeAim });
        const parties = randomParties(2, count, 80, usesBlocks);
        const project = await storeProject(parts, "groups", parties);
        const runId = await doRun(parts, project);
        t.like(await parts.database.findRun(project.projectId, runId), { state: "completed", stage: 3 });
        const groups = groupsToArrays(solveGreedy(await expectedPairs(parties)));
        t.true(groups.length > 10);
        t.deepEqual(JSON.parse((await parts.database.findGroups(runId))!), groups);
        t.deepEqual(parts.failures, []);
      });
    }

    test(`${name}: permutations`, async (t) => {
      const parts = await openParts((close) => t.teardown(close));
      startTasks(parts, { chunkSizeAim });
      const parties = randomParties(3, 2, 100, usesBlocks);
      const project = await storeProject(parts, "permutations", parties);
      const runId = await doRun(parts, project);
      t.like(await parts.database.findRun(project.projectId, runId), { state: "completed", stage: 3 });
      const { database } = parts;
      const mask: number[] = JSON.parse((await database.findMask(runId))!);
      const [left, right] = await Promise.all(
        (await database.listDataproviders(project.projectId)).map(
          async ({ id }) => JSON.parse((await database.findPermutation(runId, id))!) as number[],
        ),
      );
      t.is(mask.length, 100);
      t.deepEqual(
        [...left!].sort((a, b) => a - b),
        Array.from({ length: 100 }, (_, n) => n),
      );
      t.deepEqual(
        [...right!].sort((a, b) => a - b),
        Array.from({ length: 110 }, (_, n) => n),
      );
      const groups = groupsToArrays(solveGreedy(await expectedPairs(parties)));
      for (const [[, a], [, b]] of groups as [[number, number], [number, number]][]) {
        t.is(left![a], right![b]);
        t.is(mask[left![a]!], 1);
      }
      t.is(
        mask.reduce((sum, bit) => sum + bit, 0),
        groups.length,
      );
    });
  }
}

for (const resultType of ["groups", "permutations", "similarity_scores"] as const) {
  test(`a run of ${resultType} without a common block completes with an empty result`, async (t) => {
    const parts = await openParts((close) => t.teardown(close));
    startTasks(parts);
    const parties = randomParties(4, 2, 20).map(({ dataset }, n) => ({
      dataset,
      blocks: Array.from({ length: dataset.recordCount }, () => [`of party ${n}`]),
    }));
    const project = await storeProject(parts, resultType, parties);
    const runId = await doRun(parts, project);
    t.is(await parts.database.runState(project.projectId, runId), "completed");
    t.is((await pairsOf(parts, runId)).scores.length, 0);
    if (resultType !== "similarity_scores") t.is(await parts.database.findGroups(runId), "[]");
    if (resultType === "permutations") {
      t.deepEqual(JSON.parse((await parts.database.findMask(runId))!), Array(20).fill(0));
    }
  });
}

test("a run waits for the last upload", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await addProject(parts, "groups", randomParties(5, 2, 20));
  const runId = await addRun(parts, project);
  for (const index of [1, 0]) {
    t.is(await parts.database.runState(project.projectId, runId), "created");
    await upload(parts, project, index);
    await parts.tasks.send(checkForExecutableRuns(project.projectId));
    await parts.tasks.idle();
  }
  t.is(await parts.database.runState(project.projectId, runId), "completed");
});

test("encodings of different sizes put the later party and the runs in error", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const [a] = randomParties(6, 2, 20);
  const { dataset } = a!;
  const narrow = { ...dataset, bytes: dataset.bytes.slice(0, 160), byteLength: 8 };
  const project = await storeProject(parts, "groups", [a!, { dataset: narrow }]);
  const runId = await doRun(parts, project);
  t.like(await parts.database.findRun(project.projectId, runId), {
    state: "error",
    errorMessage: "The encodings of party 1 must have 16 bytes in this project, but have 8 bytes.",
  });
  const uploads = await parts.database.listDataproviders(project.projectId);
  t.deepEqual(
    uploads.map((each) => each.upload?.state),
    ["ready", "error"],
  );
  const [ready, refused] = project.receiptTokens.map((token) => parts.encodings.fileOf(token));
  t.not(await parts.objects.byteLengthOf(ready!), undefined);
  t.is(await parts.objects.byteLengthOf(refused!), undefined, "what cannot be used is not kept");
  const blocks = await parts.connection.query("SELECT 1 FROM blocks WHERE dp = $1", [uploads[1]!.id]);
  t.is(blocks.length, 0);

  // The party tries again, and the project continues.
  const better = { ...project, parties: randomParties(6, 2, 20), receiptTokens: [ready!, "e".repeat(48)] };
  await upload(parts, better, 1);
  const again = await doRun(parts, better);
  t.is(await parts.database.runState(project.projectId, again), "completed");
  t.deepEqual(await pairsOf(parts, again), await expectedPairs(better.parties));
});

test("a task that fails while rejecting an upload is repeated", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  const { encodings } = parts;
  const remove = encodings.remove.bind(encodings);
  let failures = 1;
  encodings.remove = async (...args) => {
    await remove(...args);
    if (failures-- > 0) throw new Error("away");
  };
  startTasks(parts);
  const [a] = randomParties(6, 2, 20);
  const { dataset } = a!;
  const narrow = { ...dataset, bytes: dataset.bytes.slice(0, 160), byteLength: 8 };
  const project = await storeProject(parts, "groups", [a!, { dataset: narrow }]);
  const runId = await doRun(parts, project);
  t.is(await parts.database.runState(project.projectId, runId), "error");
  t.is((await parts.database.listDataproviders(project.projectId))[1]!.state, "error");
  t.deepEqual(parts.failures, [`${TASK_NAMES.checkForExecutableRuns}: away`]);
});

test("a run over a candidate limit fails with a reason", async (t) => {
  for (const [options, message] of [
    [{ similarityScoresMaxCandidatePairs: 20 }, /more than 20 candidate pairs/],
    [{ solverMaxCandidatePairs: 20 }, /candidate pairs to solve; the limit is 20/],
  ] as const) {
    const parts = await openParts((close) => t.teardown(close));
    startTasks(parts, { chunkSizeAim: 1000, ...options });
    const project = await storeProject(parts, "groups", randomParties(7, 2, 100));
    const run = await parts.database.findRun(project.projectId, await doRun(parts, project));
    t.is(run?.state, "error");
    t.regex(run!.errorMessage!, message);
  }
});

test("a small run behind a large one finishes first", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  const ended: string[] = [];
  startTasks(parts, { chunkSizeAim: 20 }, (definition) => ({
    ...definition,
    async run(parameters, context) {
      const result = await definition.run(parameters, context);
      if (definition.name.endsWith("mark_run_complete")) ended.push(parameters["run_id"] as string);
      return result;
    },
  }));
  const large = await storeProject(parts, "groups", randomParties(8, 2, 100));
  const small = await storeProject(parts, "groups", randomParties(9, 2, 8));
  const largeRun = await addRun(parts, large);
  await parts.tasks.send(checkForExecutableRuns(large.projectId));
  while ((await parts.cache.progressOf(largeRun)) === undefined) await new Promise(setImmediate);
  const smallRun = await doRun(parts, small);
  t.deepEqual(ended, [smallRun, largeRun]);
});
