import { TASK_NAMES } from "../task-calls.js";
import type { TaskQueue } from "../task-queue.js";
import type { ExternalFiles } from "./external-files.js";

/** Sends the task that reads a party's files; if it fails for good, another task marks the upload as failed. */
export async function sendPullTask(
  tasks: Pick<TaskQueue, "send">,
  projectId: string,
  dataproviderId: number,
  receiptToken: string,
  { encodings, blocks }: ExternalFiles,
): Promise<void> {
  const upload = { project_id: projectId, dp_id: dataproviderId, receipt_token: receiptToken };
  const onError = { name: TASK_NAMES.handleUploadError, parameters: upload };
  if (blocks === undefined) {
    // The credentials that clients may send are not needed, so they stay out of the queue.
    const parameters = { ...upload, object_info: encodings, credentials: null };
    await tasks.send({ name: TASK_NAMES.pullExternalDataEncodingsOnly, parameters, onError });
  } else {
    const parameters = { ...upload, encoding_object_info: encodings, blocks_object_info: blocks };
    await tasks.send({ name: TASK_NAMES.pullExternalData, parameters, onError });
  }
}
