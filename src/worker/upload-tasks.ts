import type { Database } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import type { ObjectStore } from "../linkage/object-store.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import type { ExternalBucket } from "../linkage/uploads/store-external-upload.js";
import type { AcceptedUploadOptions } from "../linkage/uploads/store-upload.js";
import { handleRawUpload } from "./handle-raw-upload.js";
import { handleUploadError } from "./handle-upload-error.js";
import { pullExternalData } from "./pull-external-data.js";
import { pullExternalDataEncodingsOnly } from "./pull-external-data-encodings-only.js";
import { failUploadAtLast } from "./upload-task.js";

export interface UploadTaskStores {
  readonly database: Database;
  /** Where new uploads are stored. */
  readonly encodings: WritableEncodingStore;
  readonly objects: Pick<ObjectStore, "get" | "remove">;
  /** The bucket to which parties upload files themselves; `undefined` if not configured. */
  readonly external: ExternalBucket | undefined;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** The tasks that store uploads accepted earlier. */
export function uploadTasks(stores: UploadTaskStores, options: AcceptedUploadOptions): TaskDefinition[] {
  const { database } = stores;
  return [
    failUploadAtLast(database, handleRawUpload(stores, options)),
    failUploadAtLast(database, pullExternalData(stores, options)),
    failUploadAtLast(database, pullExternalDataEncodingsOnly(stores, options)),
    handleUploadError(stores),
  ];
}
