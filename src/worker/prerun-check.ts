import type { RunDatabase } from "../linkage/database.js";
import type { RunCache } from "../linkage/run-cache.js";
import { createComparisonJobs, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { hasEnded } from "./has-ended.js";
import { readText } from "./task-parameters.js";

export interface PrerunCheckStores {
  readonly database: Pick<RunDatabase, "runState" | "startRun">;
  readonly cache: Pick<RunCache, "runState" | "setRunState" | "remove">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/**
 * Makes the task that starts a queued run. Of several such tasks, ours or those of Python workers, the one that takes
 * the run from `queued` to `running` starts it. A repeated task that finds the run running sends the comparisons,
 * because the first attempt may have died before it sent them. No call that follows is sent twice.
 */
export function prerunCheck({ database, cache, tasks }: PrerunCheckStores): TaskDefinition {
  return {
    name: TASK_NAMES.prerunCheck,
    parameters: ["project_id", "run_id", "parent_span?"],
    async run(parameters, { isRepeat = false }) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const state = await cache.runState(runId);
      if (state === "complete" || state === "deleted") return;
      const stored = await database.runState(projectId, runId);
      if (stored === undefined) await cache.remove(runId); // deleted while an earlier attempt started it
      if (hasEnded(stored)) return;
      if (!(await database.startRun(runId)) && !isRepeat) return; // another task has started it
      await cache.setRunState(runId, "active");
      if ((await database.runState(projectId, runId)) === undefined) return cache.remove(runId); // deleted just now
      await tasks.send(createComparisonJobs(projectId, runId));
    },
  };
}
