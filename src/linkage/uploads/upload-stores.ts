import type { Database } from "../database.js";
import type { WritableEncodingStore } from "../encoding-store.js";
import type { RunCache } from "../run-cache.js";
import type { TaskQueue } from "../task-queue.js";
import type { BlockSorting } from "./block-sorter.js";

/** What uploads are received with. */
export interface UploadStores {
  readonly database: Pick<
    Database,
    | "findProject"
    | "listDataproviders"
    | "beginUpload"
    | "takeOverUpload"
    | "findUpload"
    | "finishUpload"
    | "dropUpload"
    | "acceptPendingUpload"
    | "failRunsOfProject"
  >;
  readonly encodings: WritableEncodingStore;
  readonly cache: Pick<RunCache, "holdUpload" | "isUploadHeld" | "releaseUpload">;
  readonly tasks: Pick<TaskQueue, "send">;
  /** The bucket in which parties put files themselves; `undefined` where that is not set up. */
  readonly externalBucket?: string | undefined;
}

/** How much an upload may hold; what passes a limit is refused as `invalid-request`. */
export interface UploadLimits {
  /** Bytes of a body, after a `Content-Encoding` was undone. */
  readonly maxBodyByteLength: number;
  /** Rows, up to 2³² − 1. */
  readonly maxRecords: number;
  readonly maxBlocksPerRow: number;
  /** Bytes of UTF-8 in the name of a block. */
  readonly maxBlockNameLength: number;
  /** Bytes in an encoding, at least and at most. */
  readonly minEncodingSize: number;
  readonly maxEncodingSize: number;
}

export interface UploadOptions {
  readonly limits: UploadLimits;
  /** Where and in how much memory blocks are sorted; one for all uploads of the process. */
  readonly sorting: BlockSorting;
  /**
   * How long an upload counts as alive after it has last said so, in seconds: so long after a crash the party may upload
   * again. Default: 60.
   */
  readonly leaseSeconds?: number | undefined;
  /**
   * Told when an upload is stored, but the task that starts the project's runs could not be sent. The upload is accepted
   * nevertheless; whoever adds a run sends the task again.
   */
  readonly onUnsent?: ((error: unknown) => void) | undefined;
}

/** Who uploads, and where. */
export interface UploadRequest {
  readonly projectId: string;
  /** As it came; checked before anything is read of the body. */
  readonly updateToken: string;
  /** Breaks the upload off: it is dropped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What the headers of a binary upload say, as they came. */
export interface BinaryUploadRequest extends UploadRequest {
  /** `Hash-Count`: rows. */
  readonly hashCount: string | undefined;
  /** `Hash-Size`: bytes in an encoding. */
  readonly hashSize: string | undefined;
  /** `Content-Length`, where the body is not compressed: a wrong one is refused before the body is read. */
  readonly bodyByteLength?: number | undefined;
  /** What an upload that is refused or broken off leaves the party in: `error` on /binaryclks. */
  readonly stateWhenRefused: "not_started" | "error";
}

/** What an accepted upload is answered with. */
export interface UploadReceipt {
  /** 48 hexadecimal characters. */
  readonly receiptToken: string;
  /** Rows; `undefined` for files that a task will read. */
  readonly recordCount: number | undefined;
  /** Of the body's bytes, after a `Content-Encoding` was undone, in hexadecimal; `undefined` likewise. */
  readonly sha256: string | undefined;
}
