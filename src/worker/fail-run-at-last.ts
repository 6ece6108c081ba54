import type { RunDatabase } from "../linkage/database.js";
import { isPermanent } from "../linkage/errors.js";
import { type TaskDefinition, TaskPutOff } from "../linkage/task-queue.js";

/** Status message of a run that has failed through no fault of the user. */
export const INTERNAL_ERROR = "Run failed with an internal server error.";

/**
 * Makes a run's task fail the run when the task itself has failed for good: its sender may not have set an error
 * callback, and the Python service sets none between the comparisons and the end of a run. An existing message of the
 * run is kept.
 */
export function failRunAtLast(
  runs: Pick<RunDatabase, "failRun">,
  definition: TaskDefinition,
): TaskDefinition {
  return {
    ...definition,
    async run(parameters, context) {
      try {
        return await definition.run(parameters, context);
      } catch (error) {
        if (error instanceof TaskPutOff) throw error;
        const { run_id: runId } = parameters;
        const isLast = context.isLastTry === true || isPermanent(error);
        if (isLast && !context.signal?.aborted && typeof runId === "string") {
          await runs.failRun(runId, INTERNAL_ERROR);
        }
        throw error;
      }
    },
  };
}
