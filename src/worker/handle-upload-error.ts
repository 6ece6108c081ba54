import type { UploadDatabase } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { failUpload, readUpload } from "./upload-task.js";

export interface HandleUploadErrorStores {
  readonly database: Pick<UploadDatabase, "failUpload" | "findUpload">;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
}

/**
 * Makes the task that is sent when a task that stores an upload has failed for good. It marks the upload and its party
 * as in error and removes the stored encodings; the party's files stay. The party may upload again.
 */
export function handleUploadError({ database, encodings }: HandleUploadErrorStores): TaskDefinition {
  return {
    name: TASK_NAMES.handleUploadError,
    parameters: ["project_id", "dp_id", "receipt_token", "parent_span?"],
    takesPositionals: true,
    async run(parameters) {
      const upload = readUpload(parameters);
      if (await failUpload(database, upload)) {
        await encodings.remove(upload.dataproviderId, upload.receiptToken);
      }
    },
  };
}
