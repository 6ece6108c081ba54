import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceError } from "../../linkage/errors.js";
import { placeOf } from "../../linkage/object-names.js";
import type { ByteRange } from "../../linkage/object-store.js";

/** Requests an object's bytes from an offset; `byteLength` 0 means up to the end. `undefined` if there are none. */
export type OpenContent = (from: number, byteLength: number) => Promise<IncomingMessage | undefined>;

/** Gives up after this many consecutive connections that deliver no bytes. */
const MAX_BARREN_TRIES = 8;

/**
 * Streams an object's bytes. If a connection is interrupted, another one fetches the rest. If the object was replaced
 * in between, that is an error, because its bytes would not match those already returned.
 *
 * @param firstDelayMs after `n` consecutive connections without a byte, the next one waits `firstDelayMs * 2 ** n`
 * @throws ServiceError `store-failed`; what `open` throws; the last connection's error; the signal's reason
 */
export async function* getContent(
  name: string,
  { from, byteLength }: ByteRange,
  open: OpenContent,
  firstDelayMs: number,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = from + byteLength;
  let at = from;
  let etag: string | undefined;
  for (let emptyAttempts = 0; at < end; ) {
    signal?.throwIfAborted();
    const response = await open(at, end === Number.POSITIVE_INFINITY ? 0 : end - at);
    if (response === undefined) return;
    response.on("error", () => {}); // even when no one is reading anymore
    const onAbort = () => response.destroy(signal!.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const start = at;
    try {
      signal?.throwIfAborted();
      etag ??= response.headers.etag;
      if (etag !== response.headers.etag) throw replaced(name);
      const expected = at + Number(response.headers["content-length"]);
      for await (const chunk of piecesOf(response)) {
        at += chunk.length;
        yield chunk;
      }
      if (!(at < expected)) return;
      throw new Broken(new Error("The connection to the object store ended before all bytes arrived."));
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Broken)) throw error;
      emptyAttempts = at > start ? 0 : emptyAttempts + 1;
      if (emptyAttempts === MAX_BARREN_TRIES) throw error.cause;
      if (emptyAttempts > 0)
        await delay(firstDelayMs * 2 ** emptyAttempts, undefined, { signal }).catch(() => {});
    } finally {
      signal?.removeEventListener("abort", onAbort);
      response.destroy();
    }
  }
}

/** A connection that ended before all bytes arrived. */
class Broken extends Error {
  constructor(cause: unknown) {
    super("A connection broke off.", { cause });
  }
}

async function* piecesOf(response: IncomingMessage): AsyncGenerator<Buffer> {
  const pieces = response[Symbol.asyncIterator]();
  for (;;) {
    const next = await pieces.next().catch((error: unknown) => {
      throw new Broken(error);
    });
    if (next.done) return;
    yield next.value;
  }
}

function replaced(name: string): ServiceError {
  return new ServiceError("store-failed", `Cannot read ${placeOf(name)}: it was replaced in the meantime.`);
}
