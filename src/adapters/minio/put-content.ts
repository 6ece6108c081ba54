import type { Client } from "minio";

/** Files longer than this, in bytes, are sent in parts of this length; a whole part is held in memory. */
export const PART_BYTE_LENGTH = 16 * 2 ** 20;
/** S3's limit. */
const MAX_PARTS = 10_000;
/** Initial buffer size of a part of unknown length, in bytes; doubles as needed. */
const FIRST_ROOM = 2 ** 16;

/** A new object each time: the driver adds to it, and would send its additions as metadata the next time. */
const headers = () => ({ "Content-Type": "application/octet-stream" });

/**
 * Stores a stream as one object, which appears only once it is complete; after an error nothing of it remains. The
 * driver's own upload of streams hangs forever if the stream fails, and may reuse parts that another worker sent.
 *
 * @param byteLength bytes in the content
 * @throws the content's errors, the driver's, and the signal's reason
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

/** Like {@link putContent}, for a stream of unknown length: up to 156 GiB. */
export function putContentOfAnyLength(
  client: Client,
  bucket: string,
  name: string,
  content: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  return putParts(client, bucket, name, partsOf(content), signal);
}

/** A part, and whether it is the last one. */
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
        throw new Error(`The content of the object has more than ${MAX_PARTS} parts, which is the limit.`);
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
    // If this fails too, the incomplete upload remains until the server drops it.
    if (uploadId !== undefined) await client.abortMultipartUpload(bucket, name, uploadId).catch(() => {});
    throw error;
  }
}

/**
 * Splits content into parts of {@link PART_BYTE_LENGTH}; the last one may be shorter. There is always at least one
 * part, which may be empty. Each part has its own memory.
 *
 * @param byteLength bytes in the content, if known: saves copies
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
  return new Error(`The content of the object must have ${expected} bytes, but it has ${received}.`);
}
