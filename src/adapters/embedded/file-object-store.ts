import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, opendir, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ServiceError } from "../../linkage/errors.js";
import { missingObject, placeOf } from "../../linkage/object-names.js";
import type { ByteRange, ObjectInfo, ObjectStore } from "../../linkage/object-store.js";
import { errorCode } from "../with-retries.js";
import { toFileName, toObjectName } from "./file-names.js";

/** No object's file name begins with a dot. */
const DRAFT_PREFIX = ".draft-";
/** Bytes per read. */
const CHUNK_BYTE_LENGTH = 2 ** 18;

/**
 * Files in a folder that belongs to one process at a time. A file is written under a temporary name, synced and
 * renamed; then the folder is synced. A killed process or a power failure thus leaves complete files or none.
 */
export class FileObjectStore implements ObjectStore {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Creates the folder if it is missing, and removes unfinished files of a killed process. */
  static async open(folder: string): Promise<FileObjectStore> {
    await mkdir(folder, { recursive: true });
    for await (const { name } of await opendir(folder)) {
      if (name.startsWith(DRAFT_PREFIX)) await unlink(join(folder, name));
    }
    const store = new FileObjectStore(folder);
    await store.#sync();
    return store;
  }

  put(
    name: string,
    content: () => AsyncIterable<Uint8Array>,
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#write(name, content(), byteLength, signal);
  }

  putStream(name: string, content: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    return this.#write(name, content, undefined, signal);
  }

  async byteLengthOf(name: string): Promise<number | undefined> {
    return (await this.find(name))?.byteLength;
  }

  /** Files have no metadata. */
  async find(name: string): Promise<ObjectInfo | undefined> {
    const path = this.#pathOf(name);
    const found = await onFile(name, () => stat(path));
    return found && { byteLength: found.size, metadata: {} };
  }

  async *get(
    name: string,
    { from, byteLength }: ByteRange = { from: 0, byteLength: Number.POSITIVE_INFINITY },
    signal?: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const path = this.#pathOf(name);
    signal?.throwIfAborted();
    const file = await onFile(name, () => open(path, "r"));
    if (file === undefined) throw missingObject(name);
    try {
      for (let at = from, end = from + byteLength; at < end; ) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTE_LENGTH, end - at));
        const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
        signal?.throwIfAborted();
        if (bytesRead === 0) return;
        yield chunk.subarray(0, bytesRead);
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
  }

  async remove(names: readonly string[]): Promise<void> {
    const files = names.map((name) => ({ name, path: this.#pathOf(name) }));
    for (const { name, path } of files) await onFile(name, () => unlink(path));
    if (files.length > 0) await this.#sync();
  }

  async *list(prefix: string): AsyncGenerator<string, void, undefined> {
    for await (const { name } of await opendir(this.#folder)) {
      const objectName = toObjectName(name);
      if (objectName?.startsWith(prefix)) yield objectName;
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await this.#sync();
  }

  /** Nothing to close: each call opens what it needs. */
  async close(): Promise<void> {}

  async #write(
    name: string,
    content: AsyncIterable<Uint8Array>,
    byteLength: number | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const path = this.#pathOf(name);
    const draft = join(this.#folder, DRAFT_PREFIX + randomUUID());
    const file = await open(draft, "wx", 0o600);
    try {
      try {
        await writeAll(file, content, byteLength, signal);
        await file.sync();
      } finally {
        await file.close();
      }
      signal?.throwIfAborted();
      const isRenamed = await onFile(name, async () => {
        await rename(draft, path);
        return true;
      });
      if (!isRenamed) throw failedOn(name, "ENOENT");
    } catch (error) {
      await unlessMissing(() => unlink(draft));
      throw error;
    }
    await this.#sync();
  }

  /** Makes all renames and removals so far durable, even after a power failure. */
  async #sync(): Promise<void> {
    const folder = await open(this.#folder, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  #pathOf(name: string): string {
    return join(this.#folder, toFileName(name));
  }
}

async function writeAll(
  file: FileHandle,
  content: AsyncIterable<Uint8Array>,
  byteLength: number | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  let written = 0;
  for await (const chunk of content) {
    signal?.throwIfAborted();
    written += chunk.length;
    if (byteLength !== undefined && written > byteLength) throw wrongLength(byteLength, "more");
    for (let from = 0; from < chunk.length; ) {
      from += (await file.write(chunk, from, chunk.length - from)).bytesWritten;
    }
  }
  if (byteLength !== undefined && written !== byteLength) throw wrongLength(byteLength, `${written}`);
}

function wrongLength(expected: number, received: string): ServiceError {
  const message = `The content of the file must have ${expected} bytes, but it has ${received}.`;
  return new ServiceError("invalid-arguments", message, { subject: "content of a file" });
}

/**
 * Runs an action on an object's file; `undefined` if the file does not exist. The system's errors contain the file's
 * name, and so possibly a token; the errors thrown here do not.
 */
async function onFile<T>(name: string, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await unlessMissing(action);
  } catch (error) {
    throw failedOn(name, errorCode(error) || "an error without a code");
  }
}

function failedOn(name: string, systemCode: string): ServiceError {
  return new ServiceError("store-failed", `Cannot use ${placeOf(name)}: the system reported ${systemCode}.`);
}

async function unlessMissing<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
