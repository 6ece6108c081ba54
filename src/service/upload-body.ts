import { createGunzip } from "node:zlib";
import type { Call } from "./call.js";
import { continueBody } from "./expect-continue.js";
import { tooLarge } from "./json-body.js";
import { HttpProblem } from "./problem.js";

export interface UploadBodyOptions {
  /** Maximum bytes of the body, after decompression. */
  readonly maxByteLength: number;
  /** How long the client may send nothing while the next chunk is awaited, in milliseconds. */
  readonly idleMs: number;
  /** Called for each chunk as it arrives. */
  readonly onBytes: (byteLength: number) => void;
}

/**
 * Checks the headers that describe an upload's body, without reading the body.
 *
 * @throws HttpProblem 413, 415
 */
export function checkUploadHeaders(call: Call, maxByteLength: number): void {
  const encoding = contentEncoding(call);
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new HttpProblem(415, "Content-Encoding must be gzip or omitted.");
  }
  // Decompression only makes a body larger.
  if (Number(call.get("content-length")) > maxByteLength) throw tooLarge(maxByteLength);
}

/** The body's length in bytes; `undefined` if it is known only at the end. */
export function announcedLength(call: Call): number | undefined {
  const text = call.get("content-length");
  return contentEncoding(call) === "identity" && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * Streams the bytes of an upload's body, decompressed. Nothing is read before the first chunk is requested, and no more
 * than is consumed. If reading stops early, the connection stays open, so that the client gets an answer.
 *
 * @throws HttpProblem 408, 413, 400 for invalid gzip; the stream's error if the client has disconnected
 */
export async function* uploadBody(
  call: Call,
  { maxByteLength, idleMs, onBytes }: UploadBodyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { req } = call;
  continueBody(call);
  const gunzip = contentEncoding(call) === "gzip" ? createGunzip() : undefined;
  if (gunzip !== undefined) {
    req.once("error", (error) => gunzip.destroy(error));
    req.pipe(gunzip);
  }
  const chunks = (gunzip ?? req).iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  let byteLength = 0;
  try {
    for (;;) {
      const { done, value } = await nextChunk(chunks, idleMs);
      if (done) return;
      byteLength += value.length;
      if (byteLength > maxByteLength) throw tooLarge(maxByteLength);
      onBytes(value.length);
      yield value;
    }
  } finally {
    // Not awaited: after a stall it settles only with the next chunk. The rest of the body is discarded.
    void Promise.resolve(chunks.return?.()).then(
      () => req.resume(),
      () => {},
    );
    if (gunzip !== undefined) {
      req.unpipe(gunzip);
      gunzip.destroy();
    }
  }
}

/** The next chunk; rejects if the client stalls or sends invalid gzip. */
async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  idleMs: number,
): Promise<IteratorResult<Uint8Array>> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const seconds = Math.ceil(idleMs / 1000);
    const problem = new HttpProblem(408, `No more of the body arrived within ${seconds} s.`);
    timer = setTimeout(() => reject(problem), idleMs);
  });
  try {
    return await Promise.race([chunks.next(), silence]);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string" || !code.startsWith("Z_")) throw error;
    throw new HttpProblem(400, "The body is not gzip, although Content-Encoding says so.");
  } finally {
    clearTimeout(timer);
  }
}

function contentEncoding(call: Call): string {
  return call.get("content-encoding").trim().toLowerCase() || "identity";
}
