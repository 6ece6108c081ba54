import type { RunDatabase } from "../linkage/database.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { INTERNAL_ERROR } from "./fail-run-at-last.js";

/**
 * Makes the task that is sent when another task has failed for good. The run fails, unless it has already ended,
 * possibly with its own message. If only the failed task is named, as by Python's prerun_check, no run can be marked;
 * that task has then marked its run itself.
 */
export function runFailedHandler(database: Pick<RunDatabase, "failRun">): TaskDefinition {
  return {
    name: TASK_NAMES.runFailedHandler,
    parameters: ["run_id?"],
    takesPositionals: true,
    async run({ run_id: runId }) {
      if (typeof runId === "string") await database.failRun(runId, INTERNAL_ERROR);
    },
  };
}
