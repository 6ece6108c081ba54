import type { ObjectStore } from "../linkage/object-store.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { storeRawUpload } from "../linkage/uploads/store-raw-upload.js";
import type { AcceptedUploadOptions, AcceptedUploadStores } from "../linkage/uploads/store-upload.js";
import { readUpload } from "./upload-task.js";

/** Makes the task that stores a JSON upload that the Python API has put into the object store. */
export function handleRawUpload(
  stores: AcceptedUploadStores & { readonly objects: Pick<ObjectStore, "get" | "remove"> },
  options: AcceptedUploadOptions,
): TaskDefinition {
  return {
    name: TASK_NAMES.handleRawUpload,
    parameters: ["project_id", "dp_id", "receipt_token", "parent_span?"],
    run: (parameters, { signal }) => storeRawUpload(stores, options, readUpload(parameters), signal),
  };
}
