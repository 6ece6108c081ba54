import type { Client } from "minio";

/** Files longer than this, in bytes, are sent in parts of this length, each of which is in memory as a whole. */
export const PART_BYTE_LENGTH = 16 * 2 ** 20;
/** S3 takes no more parts. */
const MAX_PARTS = 10_000;
/** What a part of unknown length is given at first, in bytes; twice as much each time that more is needed. */
const FIRST_ROOM = 2 ** 16;

/** Anew each time: the driver adds to them, and would send what it has added as metadata the next time. */
const headers = () => ({ "Content-Type": "application/octet-stream" });

/**
 * Stores a stream as one object, which appears when it is complete; on an error nothing of it stays. The driver's own
 * way with streams waits for ever when the stream fails, and may take up parts that another worker sent.
 *
 * @param byteLength bytes in the content
 * @throws the content's errors, the driver's, and the reason of the signal
 */
export function putContent(
  client: Client,
  bucket: string,
  name: string,
  content: AsyncIterable<Uint8Array>,
  byteLength: number,
  signal?: AbortSignal,
): Promise<void> {
  return putParts(client, bucket, name, partsOf(ofLength(content, byteLength), byteLength), signal);
}

/** As {@link putContent}, for a stream whose length shows only at its end: up to 156 GiB. */
export function putContentOfAnyLength(
  client: Client,
  bucket: string,
  name: string,
  content: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  return putParts(client, bucket, name, partsOf(content), signal);
}

/** A part, and whether more follow. */
interface Part {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

async function putParts(
  client: Client,
  bucket: string,
  name: string,
  parts: AsyncGenerator<Part>,
  signal: AbortSignal | undefined,
): Promise<void> {
  let uploadId: string | undefined;
  const etags: { part: number; etag: string }[] = [];
  try {
    for await (const { bytes, isLast } of parts) {
      signal?.throwIfAborted();
      if (isLast && uploadId === undefined) {
        await client.putObject(bucket, name, bytes, bytes.length, headers());
        return;
      }
      const part = etags.length + 1;
      if (part > MAX_PARTS) {
        throw new Error(`content of an object: expected up to ${MAX_PARTS} parts, got more`);
      }
      uploadId ??= await client.initiateNewMultipartUpload(bucket, name, headers());
      const config = {
        bucketName: bucket,
        objectName: name,
        uploadID: uploadId,
        partNumber: part,
        headers: { "Content-Length": bytes.length },
      };
      const { etag } = await client.uploadPart(config, bytes);
      etags.push({ part, etag });
    }
    signal?.throwIfAborted();
    await client.completeMultipartUpload(bucket, name, uploadId!, etags);
  } catch (error) {
    // Where this fails too, the server drops what was not completed after a while.
    if (uploadId !== undefined) await client.abortMultipartUpload(bucket, name, uploadId).catch(() => {});
    throw error;
  }
}

/**
 * The content in pieces of {@link PART_BYTE_LENGTH}, the last one shorter; always one, which may be empty. Each is
 * memory of its own.
 *
 * @param byteLength bytes in the content, where that is known: saves copies
 */
async function* partsOf(content: AsyncIterable<Uint8Array>, byteLength?: number): AsyncGenerator<Part> {
  let left = byteLength ?? Number.POSITIVE_INFINITY;
  const room = () => Math.min(PART_BYTE_LENGTH, byteLength === undefined ? FIRST_ROOM : left);
  let part: Buffer = Buffer.allocUnsafe(room());
  let used = 0;
  for await (const chunk of content) {
    for (let from = 0; from < chunk.length; ) {
      if (used === PART_BYTE_LENGTH) {
        yield { bytes: part, isLast: false };
        left -= used;
        part = Buffer.allocUnsafe(byteLength === undefined ? PART_BYTE_LENGTH : room());
        used = 0;
      }
      if (used === part.length) part = enlarge(part);
      const to = Math.min(chunk.length, from + part.length - used);
      part.set(chunk.subarray(from, to), used);
      used += to - from;
      from = to;
    }
  }
  yield { bytes: part.subarray(0, used), isLast: true };
}

function enlarge(part: Buffer): Buffer {
  const larger = Buffer.allocUnsafe(Math.min(PART_BYTE_LENGTH, Math.max(FIRST_ROOM, 2 * part.length)));
  part.copy(larger);
  return larger;
}

/** @throws Error if the content is not `byteLength` bytes */
async function* ofLength(content: AsyncIterable<Uint8Array>, byteLength: number): AsyncGenerator<Uint8Array> {
  let received = 0;
  for await (const chunk of content) {
    received += chunk.length;
    if (received > byteLength) throw wrongLength(byteLength, "more");
    yield chunk;
  }
  if (received !== byteLength) throw wrongLength(byteLength, `${received}`);
}

function wrongLength(expected: number, received: string): Error {
  return new Error(`content of an object: expected ${expected} bytes, got ${received}`);
}
