// A small run that starts during a huge one is done at once, whatever stage the huge one is in.
import test from "ava";
import { deleteRun } from "../../src/linkage/delete-run.js";
import { checkForExecutableRuns, TASK_NAMES } from "../../src/linkage/task-calls.js";
import {
  addRun,
  type EmbeddedParts,
  expectedPairs,
  openParts,
  pairsOf,
  randomParties,
  type StoredProject,
  startTasks,
  storeProject,
} from "./embedded-parts.js";
import { solvingMany } from "./many-pairs.js";

const tiny = randomParties(50, 2, 8);

async function waitUntil(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(setImmediate);
}

async function start(parts: EmbeddedParts, project: StoredProject): Promise<string> {
  const runId = await addRun(parts, project);
  await parts.tasks.send(checkForExecutableRuns(project.projectId));
  return runId;
}

/** Completes a small run; returns the state of the huge one at that time. */
async function seeSmallRunEnd(
  parts: EmbeddedParts,
  small: StoredProject,
  huge: StoredProject,
  hugeRun: string,
): Promise<string | undefined> {
  const { database } = parts;
  const runId = await start(parts, small);
  await waitUntil(async () => (await database.runState(small.projectId, runId)) === "completed");
  return database.runState(huge.projectId, hugeRun);
}

test.serial("a small run completes while a huge one compares a large chunk in all threads", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  let began = 0;
  startTasks(parts, { threads: 2, chunkSizeAim: 1e10 }, (definition) => ({
    ...definition,
    run(parameters, context) {
      if (definition.name === TASK_NAMES.computeFilterSimilarity) began++;
      return definition.run(parameters, context);
    },
  }));
  const small = await storeProject(parts, "similarity_scores", tiny);
  const huge = await storeProject(parts, "groups", randomParties(51, 2, 60_000));
  const hugeRun = await start(parts, huge);
  await waitUntil(() => began > 0);
  const smallRun = await start(parts, small);
  await waitUntil(async () => (await parts.database.runState(small.projectId, smallRun)) === "completed");
  t.is(await parts.database.runState(huge.projectId, hugeRun), "running");
  t.is((await parts.cache.progressOf(hugeRun))?.comparisons, 0, "its chunk is not done");
  t.deepEqual(await pairsOf(parts, smallRun), await expectedPairs(tiny));
  t.true(await deleteRun(parts, huge.projectId, hugeRun));
  await parts.tasks.idle();
  t.deepEqual(parts.failures, []);
});

for (const name of [
  TASK_NAMES.computeFilterSimilarity,
  TASK_NAMES.aggregateComparisons,
  TASK_NAMES.solverTask,
  TASK_NAMES.saveAndPermute,
  TASK_NAMES.permuteMappingData,
]) {
  test.serial(
    `a small run completes while ${name.split(".").at(-1)} of a huge one does not end`,
    async (t) => {
      const parts = await openParts((close) => t.teardown(close));
      const small = await storeProject(parts, "permutations", tiny);
      const huge = await storeProject(parts, "permutations", randomParties(52, 2, 50));
      let open = () => {};
      const opened = new Promise<void>((resolve) => {
        open = resolve;
      });
      let held = 0;
      startTasks(parts, { chunkSizeAim: 50 }, (definition) => ({
        ...definition,
        async run(parameters, context) {
          if (definition.name === name && parameters["run_id"] === hugeRun) {
            held++;
            await opened;
          }
          return definition.run(parameters, context);
        },
      }));
      const hugeRun = await addRun(parts, huge);
      await parts.tasks.send(checkForExecutableRuns(huge.projectId));
      await waitUntil(() => held > 0);
      t.is(await seeSmallRunEnd(parts, small, huge, hugeRun), "running");
      open();
      await parts.tasks.idle();
      t.is(await parts.database.runState(huge.projectId, hugeRun), "completed");
      t.deepEqual(parts.failures, []);
    },
  );
}

test.serial("a small run completes while a huge one solves millions of pairs", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  const small = await storeProject(parts, "groups", tiny);
  const huge = await storeProject(parts, "groups", randomParties(53, 3, 20));
  let isSolving = false;
  const hugeRun = await addRun(parts, huge);
  startTasks(
    parts,
    { solverMaxCandidatePairs: 1e7 },
    solvingMany(
      parts,
      3_000_000,
      () => {
        isSolving = true;
      },
      (runId) => runId === hugeRun,
    ),
  );
  await parts.tasks.send(checkForExecutableRuns(huge.projectId));
  await waitUntil(() => isSolving);
  t.is(await seeSmallRunEnd(parts, small, huge, hugeRun), "running");
  t.like(await parts.database.findRun(huge.projectId, hugeRun), { stage: 3 });
  t.is(await parts.database.findGroups(hugeRun), undefined);
  t.true(await deleteRun(parts, huge.projectId, hugeRun));
  await parts.tasks.idle();
  t.deepEqual(parts.failures, []);
});
