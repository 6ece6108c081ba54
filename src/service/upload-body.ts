import { createGunzip } from "node:zlib";
import type { Call } from "./call.js";
import { continueBody } from "./expectation.js";
import { tooLarge } from "./json-body.js";
import { HttpProblem } from "./problem.js";

export interface UploadBodyOptions {
  /** Bytes of the body, after decompression. */
  readonly maxByteLength: number;
  /** How long the client may send nothing while it is waited for. */
  readonly idleMs: number;
  /** Told of bytes as they come. */
  readonly onBytes: (byteLength: number) => void;
}

/**
 * Checks what the headers say of an upload's body, without reading it.
 *
 * @throws HttpProblem 413, 415
 */
export function checkUploadHeaders(call: Call, maxByteLength: number): void {
  const encoding = contentEncoding(call);
  if (encoding !== "identity" && encoding !== "gzip") {
    throw new HttpProblem(415, "Content-Encoding: expected gzip or none, got another");
  }
  // A compressed body only grows.
  if (Number(call.get("content-length")) > maxByteLength) throw tooLarge(maxByteLength);
}

/** The bytes that the body will have; `undefined` where that shows only at its end. */
export function announcedLength(call: Call): number | undefined {
  const text = call.get("content-length");
  return contentEncoding(call) === "identity" && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * The bytes of an upload's body as they come, decompressed. Nothing is read before the first one is asked for, and not more
 * than is taken. Where the reading ends early the connection stays, so that the client gets an answer.
 *
 * @throws HttpProblem 408, 413, 400 for what is no gzip; the stream's error where the client is gone
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
    // Not waited for: after a silence it comes only with the next chunk. What is left of the body is thrown away.
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

/** The next chunk, unless the client falls silent or sends what is no gzip. */
async function nextChunk(
  chunks: AsyncIterator<Uint8Array>,
  idleMs: number,
): Promise<IteratorResult<Uint8Array>> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    const seconds = Math.ceil(idleMs / 1000);
    const problem = new HttpProblem(408, `body: expected more within ${seconds} s, got nothing`);
    timer = setTimeout(() => reject(problem), idleMs);
  });
  try {
    return await Promise.race([chunks.next(), silence]);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (typeof code !== "string" || !code.startsWith("Z_")) throw error;
    throw new HttpProblem(400, "body: expected gzip, as Content-Encoding says, got something else");
  } finally {
    clearTimeout(timer);
  }
}

function contentEncoding(call: Call): string {
  return call.get("content-encoding").trim().toLowerCase() || "identity";
}
