// Groups that are too large for a message between tasks and for the database.
import test from "ava";
import { allocateCandidatePairs } from "../../src/core/candidate-pairs.js";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { TASK_NAMES } from "../../src/linkage/task-calls.js";
import { solverTask } from "../../src/worker/solver-task.js";
import { solvePairs } from "../../src/worker/solving.js";
import {
  doRun,
  expectedPairs,
  openParts,
  randomParties,
  startTasks,
  storeProject,
} from "./embedded-parts.js";

for (const resultType of ["groups", "permutations"] as const) {
  test(`${resultType}: the solver task stores groups that are too large for a message`, async (t) => {
    const parties = randomParties(60, 2, 80);
    const groups = groupsToArrays(solveGreedy(await expectedPairs(parties)));
    const { length } = JSON.stringify(groups);
    for (const [maxMessageLength, saved] of [
      [length - 1, 0],
      [length, 1],
    ] as const) {
      const parts = await openParts((close) => t.teardown(close));
      let count = 0;
      startTasks(parts, {}, (definition) => {
        if (definition.name === TASK_NAMES.solverTask) {
          return solverTask(parts, { maxCandidatePairs: 1e6, maxMessageLength, maxInline: 0 });
        }
        if (definition.name !== TASK_NAMES.saveAndPermute) return definition;
        return {
          ...definition,
          run(parameters, context) {
            count++;
            return definition.run(parameters, context);
          },
        };
      });
      const project = await storeProject(parts, resultType, parties);
      const runId = await doRun(parts, project);
      t.like(await parts.database.findRun(project.projectId, runId), { state: "completed", stage: 3 });
      t.deepEqual(JSON.parse((await parts.database.findGroups(runId))!), groups);
      t.is(count, saved);
      if (resultType === "permutations") {
        const mask: number[] = JSON.parse((await parts.database.findMask(runId))!);
        t.is(
          mask.reduce((sum, bit) => sum + bit),
          groups.length,
        );
      }
      t.deepEqual(parts.failures, []);
    }
  });
}

test("groups that are too large for the database have no JSON", (t) => {
  const count = 3_100_000;
  const pairs = allocateCandidatePairs(count);
  pairs.rightDatasets.fill(1);
  for (let i = 0; i < count; i++) pairs.leftRecords[i] = pairs.rightRecords[i] = i;
  t.deepEqual(solvePairs(pairs, [count, count]), {
    json: undefined,
    groupCount: count,
    recordCount: 2 * count,
  });
});
