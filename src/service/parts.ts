import type { Database } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import type { ObjectStore, SharedObjects } from "../linkage/object-store.js";
import type { RunCache } from "../linkage/run-cache.js";
import type { TaskQueue } from "../linkage/task-queue.js";
import type { UploadOptions } from "../linkage/uploads/upload-stores.js";

/** What the service stands on; one set for a cluster, one for a process that is alone. */
export interface ServiceParts {
  readonly database: Database;
  readonly encodings: WritableEncodingStore;
  readonly objects: ObjectStore;
  readonly cache: RunCache;
  readonly tasks: TaskQueue;
  /** Where parties may put files; `undefined` where that is not set up. */
  readonly uploadBucket?: SharedObjects | undefined;
  /** Where similarity scores may be fetched; `undefined` where that is not set up. */
  readonly downloadBucket?: SharedObjects | undefined;
}

/** What the service allows, and what it says of itself. */
export interface ServiceSettings {
  readonly version: string;
  readonly uploads: Omit<UploadOptions, "onUnsent">;
  /** Parties in a project. */
  readonly maxParties: number;
  /** Bytes of a small JSON body. */
  readonly maxJsonByteLength: number;
  /** Origins whose pages may call; `*` for all. */
  readonly corsOrigins: readonly string[];
  /** Request headers that are logged, in lower case. */
  readonly loggedHeaders: readonly string[];
  /** How long a body may stand still, in milliseconds. Default: two minutes. */
  readonly bodyIdleMs?: number | undefined;
}
