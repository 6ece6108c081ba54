import type { Database } from "../database.js";
import type { WritableEncodingStore } from "../encoding-store.js";
import type { RunCache } from "../run-cache.js";
import type { TaskQueue } from "../task-queue.js";
import type { BlockSorting } from "./block-sorter.js";

/** The stores needed to receive uploads. */
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
  /** The bucket to which parties upload files directly; `undefined` if it is not set up. */
  readonly externalBucket?: string;
}

/** Limits on an upload; one that exceeds a limit is refused as `invalid-request`. */
export interface UploadLimits {
  /** Records, up to 2³² − 1. */
  readonly maxRecords: number;
  readonly maxBlocksPerRow: number;
  /** Bytes of UTF-8 in the name of a block. */
  readonly maxBlockNameLength: number;
  /** Minimum and maximum bytes in an encoding. */
  readonly minEncodingSize: number;
  readonly maxEncodingSize: number;
}

export interface UploadOptions {
  readonly limits: UploadLimits;
  /** The folder and memory for sorting blocks; shared by all uploads of the process. */
  readonly sorting: BlockSorting;
  /**
   * How long an upload's lease lasts without renewal, in seconds: after a crash, the party may upload again once it has
   * expired. Default: 60.
   */
  readonly leaseSeconds?: number;
  /**
   * Called if an upload is stored, but the task that starts the project's runs could not be sent. The upload is
   * accepted nevertheless; adding a run sends the task again.
   */
  readonly onUnsent?: (error: unknown) => void;
}

/** A party's request to upload to a project. */
export interface UploadRequest {
  readonly projectId: string;
  /** As received; checked before any of the body is read. */
  readonly updateToken: string;
  /** Aborts the upload: it is dropped, and the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The headers of a binary upload, as received. */
export interface BinaryUploadRequest extends UploadRequest {
  /** `Hash-Count`: records. */
  readonly hashCount: string | undefined;
  /** `Hash-Size`: bytes in an encoding. */
  readonly hashSize: string | undefined;
  /** `Content-Length`, if the body is not compressed: a wrong one is refused before the body is read. */
  readonly bodyByteLength?: number;
  /** The party's state after an upload that is refused or interrupted: `error` on /binaryclks. */
  readonly stateWhenRefused: "not_started" | "error";
}

/** The response to an accepted upload. */
export interface UploadReceipt {
  /** 48 hexadecimal characters. */
  readonly receiptToken: string;
  /** Records; `undefined` for files that a task will read. */
  readonly recordCount: number | undefined;
  /** SHA-256 of the body after decoding any `Content-Encoding`, in hexadecimal; `undefined` likewise. */
  readonly sha256: string | undefined;
}
