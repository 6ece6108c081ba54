import type { RunDatabase } from "../linkage/database.js";
import { isPermanent } from "../linkage/errors.js";
import type { TaskDefinition } from "../linkage/task-queue.js";

/** What the status of a run says that has failed for a reason that is not the user's. */
export const INTERNAL_ERROR = "Run failed with an internal server error.";

/**
 * Makes a task of a run fail its run when it has failed for good itself: who sent it may have named nobody to be told, as
 * the Python service does between the comparisons and the end of a run. A message that the run has already stays.
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
