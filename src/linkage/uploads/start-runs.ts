import { checkForExecutableRuns } from "../task-calls.js";
import type { TaskQueue } from "../task-queue.js";

/**
 * Has the runs of a project started, as all parties' data is there. Never rejects: the upload is stored by then.
 *
 * @param onUnsent told when the task could not be sent
 */
export async function startRuns(
  tasks: Pick<TaskQueue, "send">,
  projectId: string,
  onUnsent?: (error: unknown) => void,
): Promise<void> {
  await tasks.send(checkForExecutableRuns(projectId)).catch((error) => onUnsent?.(error));
}
