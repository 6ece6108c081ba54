// Tasks that run twice, or whose process dies in the middle: the result is the same, and the run completes once.
import test from "ava";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { candidateFilePrefix } from "../../src/linkage/candidate-file-names.js";
import { deleteProject } from "../../src/linkage/delete-project.js";
import { deleteRun } from "../../src/linkage/delete-run.js";
import { removeProjectData } from "../../src/linkage/remove-project.js";
import { resumeWork } from "../../src/linkage/resume-work.js";
import { checkForExecutableRuns, prerunCheck, TASK_NAMES } from "../../src/linkage/task-calls.js";
import {
  addProject,
  addRun,
  doRun,
  expectedPairs,
  openParts,
  randomParties,
  startTasks,
  storeProject,
  upload,
} from "./embedded-parts.js";

const parties = randomParties(20, 2, 60, true);
const groups = expectedPairs(parties).then((pairs) => groupsToArrays(solveGreedy(pairs)));
const RUN_TASKS = [
  TASK_NAMES.prerunCheck,
  TASK_NAMES.createComparisonJobs,
  TASK_NAMES.computeFilterSimilarity,
  TASK_NAMES.aggregateComparisons,
  TASK_NAMES.solverTask,
  TASK_NAMES.saveAndPermute,
  TASK_NAMES.permuteMappingData,
  TASK_NAMES.markRunComplete,
];

test.serial("running every task twice gives the same result", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts, { chunkSizeAim: 500 }, (definition) => ({
    ...definition,
    async run(parameters, context) {
      await definition.run(parameters, context);
      return definition.run(parameters, context);
    },
  }));
  const project = await storeProject(parts, "permutations", parties);
  const runId = await doRun(parts, project);
  t.is(await parts.database.runState(project.projectId, runId), "completed");
  t.deepEqual(JSON.parse((await parts.database.findGroups(runId))!), await groups);
  t.deepEqual(parts.failures, []);
});

for (const name of RUN_TASKS) {
  for (const moment of ["before", "after"] as const) {
    test.serial(`a run survives a kill ${moment} ${name.split(".").at(-1)}`, async (t) => {
      const parts = await openParts((close) => t.teardown(close));
      let isKilled = false;
      const killed = new Promise<void>((resolve) => {
        startTasks(parts, { chunkSizeAim: 500 }, (definition) => ({
          ...definition,
          async run(parameters, context) {
            if (isKilled) return new Promise(() => {}); // a killed process does nothing
            if (definition.name !== name) return definition.run(parameters, context);
            if (moment === "after") await definition.run(parameters, context);
            isKilled = true;
            resolve();
            return new Promise(() => {});
          },
        }));
      });
      const project = await storeProject(parts, "permutations", parties);
      const runId = await addRun(parts, project);
      await parts.tasks.send(checkForExecutableRuns(project.projectId));
      await killed;
      await new Promise((resolve) => setTimeout(resolve, 20)); // for operations in progress
      parts.forget();
      await resumeWork(parts);
      startTasks(parts, { chunkSizeAim: 500 });
      await parts.tasks.idle();
      t.is(await parts.database.runState(project.projectId, runId), "completed");
      t.deepEqual(JSON.parse((await parts.database.findGroups(runId))!), await groups);
      t.deepEqual(parts.failures, []);
    });
  }
}

test.serial("an interrupted upload is dropped at the next start, and the party can retry", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  const project = await addProject(parts, "groups", parties);
  const runId = await addRun(parts, project);
  await upload(parts, project, 0);
  const { id } = (await parts.database.listDataproviders(project.projectId))[1]!;
  await parts.database.beginUpload(id, "b".repeat(48), parts.encodings.fileOf("b".repeat(48)));
  t.like(await resumeWork(parts), { droppedUploads: 1, queuedRuns: 0, runningRuns: 0 });
  t.is((await parts.database.listDataproviders(project.projectId))[1]!.state, "not_started");
  startTasks(parts);
  await upload(parts, project, 1);
  await parts.tasks.send(checkForExecutableRuns(project.projectId));
  await parts.tasks.idle();
  t.is(await parts.database.runState(project.projectId, runId), "completed");
});

test.serial("a deleted run stops and leaves no files; deleting it again returns false", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts, { chunkSizeAim: 20 });
  const project = await storeProject(parts, "groups", parties);
  const runId = await addRun(parts, project);
  await parts.tasks.send(checkForExecutableRuns(project.projectId));
  while (((await parts.cache.progressOf(runId))?.comparisons ?? 0) === 0) await new Promise(setImmediate);
  t.true(await deleteRun(parts, project.projectId, runId));
  await parts.tasks.idle();
  for await (const name of parts.objects.list(candidateFilePrefix(runId))) t.fail(name);
  t.is(await parts.database.findRun(project.projectId, runId), undefined);
  t.false(await deleteRun(parts, project.projectId, runId));
  t.deepEqual(parts.failures, []);
});

test.serial("starting a run that was already deleted leaves no state", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", parties);
  const runId = await addRun(parts, project);
  t.true(await deleteRun(parts, project.projectId, runId));
  await parts.cache.setRunState(runId, "active");
  await parts.tasks.send(prerunCheck(project.projectId, runId));
  await parts.tasks.idle();
  t.is(await parts.cache.runState(runId), undefined);
  t.deepEqual(parts.failures, []);
});

test.serial("a slow deletion writes no state after the project was removed", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", parties);
  const runId = await doRun(parts, project);
  const cache = {
    async setRunState(...args: Parameters<typeof parts.cache.setRunState>) {
      await parts.tasks.idle();
      await parts.cache.setRunState(...args);
    },
  };
  await deleteProject({ ...parts, cache }, project.projectId);
  await parts.tasks.idle();
  t.deepEqual(await parts.database.listProjectRunIds(project.projectId), []);
  t.is(await parts.cache.runState(runId), undefined);
});

test.serial("a project already marked as deleted is still removed", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", parties);
  await parts.database.markProjectDeleted(project.projectId);
  await deleteProject(parts, project.projectId);
  await parts.tasks.idle();
  t.deepEqual(await parts.database.listDeletedProjects(), []);
});

test.serial("an interrupted removal leaves no state of the project's runs", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", parties);
  const runId = await doRun(parts, project);
  await parts.database.markProjectDeleted(project.projectId);
  const remove = parts.database.removeProject.bind(parts.database);
  parts.database.removeProject = async (projectId) => {
    await remove(projectId);
    throw new Error("killed");
  };
  await t.throwsAsync(removeProjectData(parts, project.projectId), { message: "killed" });
  t.is(await parts.cache.runState(runId), undefined);
});

test.serial("a deleted project leaves no data", async (t) => {
  const parts = await openParts((close) => t.teardown(close));
  startTasks(parts);
  const project = await storeProject(parts, "groups", parties);
  const runId = await doRun(parts, project);
  await deleteProject(parts, project.projectId);
  await parts.tasks.idle();
  for await (const name of parts.objects.list("")) t.fail(name);
  t.deepEqual(await parts.database.listDeletedProjects(), []);
  t.deepEqual(await parts.database.listProjectRunIds(project.projectId), []);
  t.is(await parts.cache.runState(runId), undefined);
  t.deepEqual(parts.failures, []);
});
