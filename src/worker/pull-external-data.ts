import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { type ExternalBucket, storeExternalUpload } from "../linkage/uploads/store-external-upload.js";
import type { AcceptedUploadOptions, AcceptedUploadStores } from "../linkage/uploads/store-upload.js";
import { readFile, readUpload } from "./upload-task.js";

/** Makes the task that stores an upload whose encodings and blocks are files in the upload bucket. */
export function pullExternalData(
  stores: AcceptedUploadStores & { readonly external: ExternalBucket | undefined },
  options: AcceptedUploadOptions,
): TaskDefinition {
  return {
    name: TASK_NAMES.pullExternalData,
    parameters: [
      "project_id",
      "dp_id",
      "encoding_object_info",
      "blocks_object_info",
      "receipt_token",
      "parent_span?",
    ],
    run(parameters, { signal }) {
      const encodings = readFile(parameters, "encoding_object_info");
      const blocks = readFile(parameters, "blocks_object_info");
      return storeExternalUpload(stores, options, readUpload(parameters), { encodings, blocks }, signal);
    },
  };
}
