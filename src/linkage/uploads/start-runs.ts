import { checkForExecutableRuns } from "../task-calls.js";
import type { TaskQueue } from "../task-queue.js";

/**
 * Starts the runs of a project once all parties' data is stored. Never rejects, because the upload is already stored.
 *
 * @param onUnsent called if the task could not be sent
 */
export async function startRuns(
  tasks: Pick<TaskQueue, "send">,
  projectId: string,
  onUnsent?: (error: unknown) => void,
): Promise<void> {
  await tasks.send(checkForExecutableRuns(projectId)).catch((error) => onUnsent?.(error));
}
