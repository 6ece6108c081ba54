import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { ServiceError } from "../../linkage/errors.js";
import { placeOf } from "../../linkage/object-names.js";
import type { ByteRange } from "../../linkage/object-store.js";

/** Requests an object's bytes from an offset on; `byteLength` 0 is all of them. `undefined` if there is none so far out. */
export type OpenContent = (from: number, byteLength: number) => Promise<IncomingMessage | undefined>;

/** So many connections may break off one after the other before any byte has come. */
const MAX_BARREN_TRIES = 8;

/**
 * An object's bytes as they come. A connection that breaks off is followed by another one, for what is missing; if the
 * object is another by then, that is an error, since its bytes would not fit those that were given out.
 *
 * @param firstDelayMs wait before the next connection where one brought nothing; twice as long each time
 * @throws ServiceError `store-failed`; what `open` throws; the last connection's error; the reason of the signal
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
  for (let barrenTries = 0; at < end; ) {
    signal?.throwIfAborted();
    const response = await open(at, end === Number.POSITIVE_INFINITY ? 0 : end - at);
    if (response === undefined) return;
    response.on("error", () => {}); // also when nobody reads any more
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
      throw new Broken(new Error("connection to the object store: expected more bytes, got an end"));
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Broken)) throw error;
      barrenTries = at > start ? 0 : barrenTries + 1;
      if (barrenTries === MAX_BARREN_TRIES) throw error.cause;
      if (barrenTries > 0)
        await delay(firstDelayMs * 2 ** barrenTries, undefined, { signal }).catch(() => {});
    } finally {
      signal?.removeEventListener("abort", onAbort);
      response.destroy();
    }
  }
}

/** A connection that ended before all had come. */
class Broken extends Error {
  constructor(cause: unknown) {
    super("a connection broke off", { cause });
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
  return new ServiceError("store-failed", placeOf(name), "the same until it is read", "another one");
}
