import type { IncomingMessage } from "node:http";
import { Client } from "minio";
import { checkObjectName, missingObject } from "../../linkage/object-names.js";
import type { ByteRange, ObjectInfo, ObjectStore } from "../../linkage/object-store.js";
import { errorCode, isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";
import { getContent } from "./get-content.js";
import { putContent, putContentOfAnyLength } from "./put-content.js";
import { removeObjects } from "./remove-objects.js";
import { transport } from "./transport.js";

export interface MinioOptions {
  readonly host: string;
  readonly port: number;
  /** Whether to use TLS. */
  readonly secure: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Required with temporary credentials. */
  readonly sessionToken?: string;
  /** Default: requested from the server. Temporary credentials are not allowed to request it. */
  readonly region?: string;
  readonly bucket: string;
  /** Whether to create the bucket if it is missing. Default: true. */
  readonly makesBucket?: boolean;
  /** Retries when the server is unreachable or busy. */
  readonly retry?: RetryOptions;
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
/** The server's error code for a range that starts at an object's end or beyond. */
const BEYOND_END = "InvalidRange";

const METADATA_PREFIX = "x-amz-meta-";

/** One bucket of MinIO or another S3 server; by default it is created on first use if it is missing. */
export class MinioObjectStore implements ObjectStore {
  readonly #client: Client;
  readonly #bucket: string;
  readonly #makesBucket: boolean;
  readonly #retry: RetryOptions;
  #bucketExists: Promise<void> | undefined;

  constructor(options: MinioOptions) {
    const { host, port, secure, accessKey, secretKey, sessionToken, region } = options;
    this.#client = new Client({
      endPoint: host,
      port,
      useSSL: secure,
      accessKey,
      secretKey,
      ...(sessionToken !== undefined && { sessionToken }),
      ...(region !== undefined && { region }),
      transport: transport(secure),
    });
    this.#bucket = options.bucket;
    this.#makesBucket = options.makesBucket ?? true;
    this.#retry = options.retry ?? {};
  }

  /** Waits until the server answers, and creates the bucket if it is missing. */
  waitUntilReady(signal?: AbortSignal): Promise<void> {
    return this.#try(async () => {}, signal);
  }

  async put(
    name: string,
    content: () => AsyncIterable<Uint8Array>,
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<void> {
    checkObjectName(name);
    await this.#try(
      () => putContent(this.#client, this.#bucket, name, content(), byteLength, signal),
      signal,
    );
  }

  async putStream(name: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    checkObjectName(name);
    await this.waitUntilReady(signal);
    await safely(() => putContentOfAnyLength(this.#client, this.#bucket, name, content, signal));
  }

  async byteLengthOf(name: string): Promise<number | undefined> {
    return (await this.find(name))?.byteLength;
  }

  async find(name: string): Promise<ObjectInfo | undefined> {
    checkObjectName(name);
    return this.#try(async () => {
      try {
        const request = { method: "HEAD", bucketName: this.#bucket, objectName: name };
        return infoOf((await this.#client.makeRequestAsyncOmit(request)).headers);
      } catch (error) {
        if (MISSING.has(errorCode(error))) return undefined;
        throw error;
      }
    });
  }

  async *get(
    name: string,
    range: ByteRange = { from: 0, byteLength: Number.POSITIVE_INFINITY },
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkObjectName(name);
    if (range.byteLength === 0 && (await this.find(name)) === undefined) throw missingObject(name);
    const open = (from: number, byteLength: number) =>
      this.#try(() => this.#open(name, from, byteLength), signal);
    yield* getContent(name, range, open, this.#retry.firstDelayMs ?? 500, signal);
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) checkObjectName(name);
    if (names.length > 0) await this.#try(() => removeObjects(this.#client, this.#bucket, names));
  }

  async *list(prefix: string): AsyncGenerator<string, void, undefined> {
    await this.waitUntilReady();
    for await (const { name } of this.#client.listObjectsV2(this.#bucket, prefix, true)) {
      if (name !== undefined) yield name;
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await safely(() => this.#makeBucket());
  }

  /** Nothing to close: idle connections belong to Node's global agent. */
  async close(): Promise<void> {}

  async #open(name: string, from: number, byteLength: number): Promise<IncomingMessage | undefined> {
    try {
      return (await this.#client.getPartialObject(this.#bucket, name, from, byteLength)) as IncomingMessage;
    } catch (error) {
      if (errorCode(error) === BEYOND_END) return undefined;
      if (MISSING.has(errorCode(error))) throw missingObject(name);
      throw error;
    }
  }

  #try<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const tryOnce = async () => {
      signal?.throwIfAborted();
      this.#bucketExists ??= this.#makeBucket();
      try {
        await this.#bucketExists;
        return await safely(action);
      } catch (error) {
        this.#bucketExists = undefined; // check again next time
        throw error;
      }
    };
    return withRetries(tryOnce, isTransient, { ...this.#retry, signal });
  }

  async #makeBucket(): Promise<void> {
    if (!this.#makesBucket || (await this.#client.bucketExists(this.#bucket))) return;
    try {
      await this.#client.makeBucket(this.#bucket);
    } catch (error) {
      if (!EXISTING.has(errorCode(error))) throw error; // otherwise another worker was first
    }
  }
}

function infoOf(headers: IncomingMessage["headers"]): ObjectInfo {
  const metadata: Record<string, string> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(METADATA_PREFIX)) metadata[header.slice(METADATA_PREFIX.length)] = String(value);
  }
  return { byteLength: Number(headers["content-length"]), metadata };
}

/** Removes object names, which may contain a token, from the server's errors. */
async function safely<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (typeof error === "object" && error !== null) {
      for (const property of ["key", "resource"]) Reflect.deleteProperty(error, property);
    }
    throw error;
  }
}

function isTransient(error: unknown): boolean {
  return TRANSIENT.has(errorCode(error)) || isNetworkError(error);
}
