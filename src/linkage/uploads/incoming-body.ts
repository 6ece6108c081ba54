import { createHash } from "node:crypto";
import { ServiceError } from "../errors.js";

/** Wraps an error of a body as `cause`: the client has disconnected, or its data contradicts its headers. */
export class BrokenBody extends Error {}

/** A request body: counts and hashes the bytes, and stops at a limit or a signal. */
export class IncomingBody implements AsyncIterable<Uint8Array> {
  private readonly hash = createHash("sha256");
  private byteLength = 0;

  /** @param maxByteLength longer bodies are refused */
  constructor(
    private readonly source: AsyncIterable<Uint8Array>,
    private readonly maxByteLength: number,
    private readonly signal: AbortSignal,
  ) {}

  /** In hexadecimal; call it once everything has been read. */
  sha256(): string {
    return this.hash.digest("hex");
  }

  /** @throws ServiceError `invalid-request` for a body that is too long; BrokenBody; the signal's reason */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = this.source[Symbol.asyncIterator]();
    let hasEnded = false;
    try {
      for (;;) {
        const next = await this.read(chunks);
        hasEnded = next.done === true;
        if (next.done) return;
        this.byteLength += next.value.length;
        if (this.byteLength > this.maxByteLength) {
          const message = `The body must have at most ${this.maxByteLength} bytes.`;
          throw new ServiceError("invalid-request", message, { subject: "body" });
        }
        this.hash.update(next.value);
        yield next.value;
      }
    } finally {
      // Not awaited: a source that is still being read ends its iterator only later.
      if (!hasEnded) void chunks.return?.().catch(() => {});
    }
  }

  private async read(chunks: AsyncIterator<Uint8Array>): Promise<IteratorResult<Uint8Array>> {
    this.signal.throwIfAborted();
    try {
      return await unlessAborted(chunks.next(), this.signal);
    } catch (error) {
      this.signal.throwIfAborted();
      throw new BrokenBody("The body could not be read.", { cause: error });
    }
  }
}

/** Waits, but only until the signal aborts: otherwise a client that sends nothing would delay the upload. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, stop } = whenAborted(signal);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    stop();
  }
}

function whenAborted(signal: AbortSignal): { promise: Promise<never>; stop: () => void } {
  let stop = () => {};
  const promise = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    stop = () => signal.removeEventListener("abort", onAbort);
  });
  return { promise, stop };
}
