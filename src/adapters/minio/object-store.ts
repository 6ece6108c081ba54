import { Client } from "minio";
import type { ObjectStore } from "../../linkage/object-store.js";
import { errorCode, isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";
import { putContent } from "./put-content.js";
import { transport } from "./transport.js";

export interface MinioOptions {
  readonly host: string;
  readonly port: number;
  /** Whether to use TLS. */
  readonly secure: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Retries where the server cannot be reached or is busy. */
  readonly retry?: RetryOptions | undefined;
}

const MISSING = new Set(["NotFound", "NoSuchKey", "NoSuchBucket"]);
const EXISTING = new Set(["BucketAlreadyOwnedByYou", "BucketAlreadyExists"]);
const TRANSIENT = new Set([
  "SlowDown",
  "ServiceUnavailable",
  "InternalError",
  "RequestTimeout",
  "XMinioServerNotInitialized",
]);

/** One bucket of MinIO or another S3 server; made at first use where it is missing. */
export class MinioObjectStore implements Pick<ObjectStore, "put" | "byteLengthOf"> {
  readonly #client: Client;
  readonly #bucket: string;
  readonly #retry: RetryOptions;
  #bucketExists: Promise<void> | undefined;

  constructor({ host, port, secure, accessKey, secretKey, bucket, retry = {} }: MinioOptions) {
    this.#client = new Client({
      endPoint: host,
      port,
      useSSL: secure,
      accessKey,
      secretKey,
      transport: transport(secure),
    });
    this.#bucket = bucket;
    this.#retry = retry;
  }

  /** Waits until the server answers, and makes the bucket if it is missing. */
  waitUntilReady(signal?: AbortSignal): Promise<void> {
    return this.#try(async () => {}, signal);
  }

  put(
    name: string,
    content: () => AsyncIterable<Uint8Array>,
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#try(
      () => putContent(this.#client, this.#bucket, name, content(), byteLength, signal),
      signal,
    );
  }

  byteLengthOf(name: string): Promise<number | undefined> {
    return this.#try(async () => {
      try {
        return (await this.#client.statObject(this.#bucket, name)).size;
      } catch (error) {
        if (MISSING.has(errorCode(error))) return undefined;
        throw error;
      }
    });
  }

  #try<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const tryOnce = async () => {
      signal?.throwIfAborted();
      this.#bucketExists ??= this.#makeBucket();
      try {
        await this.#bucketExists;
        return await action();
      } catch (error) {
        this.#bucketExists = undefined; // look again the next time
        throw error;
      }
    };
    return withRetries(tryOnce, isTransient, { ...this.#retry, signal });
  }

  async #makeBucket(): Promise<void> {
    if (await this.#client.bucketExists(this.#bucket)) return;
    try {
      await this.#client.makeBucket(this.#bucket);
    } catch (error) {
      if (!EXISTING.has(errorCode(error))) throw error; // else another worker was first
    }
  }
}

function isTransient(error: unknown): boolean {
  return TRANSIENT.has(errorCode(error)) || isNetworkError(error);
}
