import type { Database } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import type { ObjectStore, SharedObjects } from "../linkage/object-store.js";
import type { RunCache } from "../linkage/run-cache.js";
import type { TaskQueue } from "../linkage/task-queue.js";
import type { UploadOptions } from "../linkage/uploads/upload-stores.js";

/** The stores behind the service; one set for a cluster, another for a single process. */
export interface ServiceParts {
  readonly database: Database;
  readonly encodings: WritableEncodingStore;
  readonly objects: ObjectStore;
  readonly cache: RunCache;
  readonly tasks: TaskQueue;
  /** Where parties may upload files; `undefined` if not configured. */
  readonly uploadBucket?: SharedObjects;
  /** Where similarity scores may be downloaded; `undefined` if not configured. */
  readonly downloadBucket?: SharedObjects;
}

/** The service's limits, and its version. */
export interface ServiceSettings {
  readonly version: string;
  readonly uploads: Omit<UploadOptions, "onUnsent">;
  /** Maximum bytes of an upload's body, after decompression. */
  readonly maxBodyByteLength: number;
  /** Maximum number of parties in a project. */
  readonly maxParties: number;
  /** Maximum bytes of a small JSON body. */
  readonly maxJsonByteLength: number;
  /** Origins whose pages may call the API; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** Request headers that are logged, in lower case. */
  readonly loggedHeaders: readonly string[];
  /** How long a body may stall, in milliseconds. Default: two minutes. */
  readonly bodyIdleMs?: number;
}
