import type { RunDatabase } from "../linkage/database.js";
import type { RunCache } from "../linkage/run-cache.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { readText } from "./task-parameters.js";

export interface MarkRunCompleteStores {
  readonly database: Pick<RunDatabase, "completeRun">;
  readonly cache: Pick<RunCache, "setRunState">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** Makes the task that completes a run whose result is stored. A run that has failed or is gone stays so. */
export function markRunComplete({ database, cache, tasks }: MarkRunCompleteStores): TaskDefinition {
  return {
    name: TASK_NAMES.markRunComplete,
    parameters: ["run_id", "parent_span?"],
    async run(parameters) {
      const runId = readText(parameters, "run_id");
      const isCompleted = await database.completeRun(runId);
      await cache.setRunState(runId, "complete");
      if (isCompleted) await tasks.send({ name: TASK_NAMES.calculateComparisonRate, parameters: {} });
    },
  };
}
