import type { Client } from "minio";

/** Files longer than this, in bytes, are sent in parts of this length, each of which is in memory as a whole. */
export const PART_BYTE_LENGTH = 16 * 2 ** 20;

const HEADERS = { "Content-Type": "application/octet-stream" };

/**
 * Stores a stream as one object, which appears when it is complete; on an error nothing of it stays. The driver's own
 * way with streams waits for ever when the stream fails, and may take up parts that another worker sent.
 *
 * @param byteLength bytes in the content
 * @throws the content's errors, the driver's, and the reason of the signal
 */
export async function putContent(
  client: Client,
  bucket: string,
  name: string,
  content: AsyncIterable<Uint8Array>,
  byteLength: number,
  signal?: AbortSignal,
): Promise<void> {
  if (byteLength <= PART_BYTE_LENGTH) {
    for await (const whole of partsOf(content, byteLength)) {
      signal?.throwIfAborted();
      await client.putObject(bucket, name, whole, whole.length, HEADERS);
    }
    return;
  }
  const uploadId = await client.initiateNewMultipartUpload(bucket, name, HEADERS);
  try {
    const etags: { part: number; etag: string }[] = [];
    for await (const bytes of partsOf(content, byteLength)) {
      signal?.throwIfAborted();
      const part = etags.length + 1;
      const headers = { "Content-Length": bytes.length };
      const config = { bucketName: bucket, objectName: name, uploadID: uploadId, partNumber: part, headers };
      const { etag } = await client.uploadPart(config, bytes);
      etags.push({ part, etag });
    }
    await client.completeMultipartUpload(bucket, name, uploadId, etags);
  } catch (error) {
    // Where this fails too, the server drops what was not completed after a while.
    await client.abortMultipartUpload(bucket, name, uploadId).catch(() => {});
    throw error;
  }
}

/**
 * The content in pieces of {@link PART_BYTE_LENGTH}, the last one shorter; always one, which may be empty.
 *
 * @throws Error if the content is not `byteLength` bytes
 */
async function* partsOf(content: AsyncIterable<Uint8Array>, byteLength: number): AsyncGenerator<Buffer> {
  let part = Buffer.allocUnsafe(Math.min(PART_BYTE_LENGTH, byteLength));
  let used = 0;
  let sent = 0;
  for await (const chunk of content) {
    if (sent + used + chunk.length > byteLength) throw wrongLength(byteLength, "more");
    for (let from = 0; from < chunk.length; ) {
      if (used === part.length) {
        yield part;
        sent += used;
        part = Buffer.allocUnsafe(Math.min(PART_BYTE_LENGTH, byteLength - sent));
        used = 0;
      }
      const to = Math.min(chunk.length, from + part.length - used);
      part.set(chunk.subarray(from, to), used);
      used += to - from;
      from = to;
    }
  }
  if (sent + used !== byteLength) throw wrongLength(byteLength, `${sent + used}`);
  yield part;
}

function wrongLength(expected: number, received: string): Error {
  return new Error(`content of an object: expected ${expected} bytes, got ${received}`);
}
