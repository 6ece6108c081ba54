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
 * Makes the task that starts a queued run. Of two at the same time one starts it; the other finds it running and sends
 * the comparisons too, which changes nothing, as they go under the same id: so the run also goes on if the first one died
 * before it had sent them.
 */
export function prerunCheck({ database, cache, tasks }: PrerunCheckStores): TaskDefinition {
  return {
    name: TASK_NAMES.prerunCheck,
    parameters: ["project_id", "run_id", "parent_span?"],
    async run(parameters) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const state = await cache.runState(runId);
      if (state === "complete" || state === "deleted") return;
      const stored = await database.runState(projectId, runId);
      if (stored === undefined) await cache.remove(runId); // deleted while an earlier try started it
      if (hasEnded(stored)) return;
      await database.startRun(runId);
      await cache.setRunState(runId, "active");
      if ((await database.runState(projectId, runId)) === undefined) return cache.remove(runId); // deleted just now
      await tasks.send(createComparisonJobs(projectId, runId));
    },
  };
}
