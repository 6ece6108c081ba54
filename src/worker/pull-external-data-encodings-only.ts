import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { type ExternalBucket, storeExternalUpload } from "../linkage/uploads/store-external-upload.js";
import type { AcceptedUploadOptions, AcceptedUploadStores } from "../linkage/uploads/store-upload.js";
import { readFile, readUpload } from "./upload-task.js";

/**
 * Makes the task that stores an upload whose encodings are a file in the upload bucket. Credentials in the call are not
 * used.
 */
export function pullExternalDataEncodingsOnly(
  stores: AcceptedUploadStores & { readonly external: ExternalBucket | undefined },
  options: AcceptedUploadOptions,
): TaskDefinition {
  return {
    name: TASK_NAMES.pullExternalDataEncodingsOnly,
    parameters: ["project_id", "dp_id", "object_info", "credentials", "receipt_token", "parent_span?"],
    run(parameters, { signal }) {
      const files = { encodings: readFile(parameters, "object_info"), blocks: undefined };
      return storeExternalUpload(stores, options, readUpload(parameters), files, signal);
    },
  };
}
