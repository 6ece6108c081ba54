import { createHash } from "node:crypto";
import { unlessAborted } from "../unless-aborted.js";

/** Wraps an error of a body as `cause`: the client has disconnected, or its data contradicts its headers. */
export class BrokenBody extends Error {}

/**
 * The body of an upload: hashes the bytes as they are read, and stops at a signal. Reading rejects with BrokenBody or
 * the signal's reason.
 */
export class IncomingBody implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  readonly #hash = createHash("sha256");
  /** Chunks that {@link peek} has read. */
  #ahead: Uint8Array[] = [];
  #hasEnded = false;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal) {
    this.#source = source[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** In hexadecimal; call it once everything has been read. */
  sha256(): string {
    return this.#hash.digest("hex");
  }

  /**
   * Reads the beginning, which iterating yields again.
   *
   * @returns the whole body; `undefined` if it has more than `maxByteLength` bytes
   */
  async peek(maxByteLength: number): Promise<Uint8Array | undefined> {
    for (let byteLength = 0; byteLength <= maxByteLength; ) {
      const chunk = await this.#read();
      if (chunk === undefined) return Buffer.concat(this.#ahead);
      this.#ahead.push(chunk.slice()); // copied, because the source may reuse the memory of its chunks
      byteLength += chunk.length;
    }
    return undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const ahead = this.#ahead;
    this.#ahead = [];
    yield* ahead;
    for (let chunk = await this.#read(); chunk !== undefined; chunk = await this.#read()) yield chunk;
  }

  /** Ends the source early, unless it has ended. Not awaited: a source that is still being read ends only later. */
  close(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    void this.#source.return?.().catch(() => {});
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#hasEnded) return undefined;
    this.#signal.throwIfAborted();
    try {
      // Otherwise a client that sends nothing would keep an upload that must stop.
      const { done, value } = await unlessAborted(this.#source.next(), this.#signal);
      if (done) this.#hasEnded = true;
      else this.#hash.update(value);
      return done ? undefined : value;
    } catch (error) {
      this.#signal.throwIfAborted();
      throw new BrokenBody("The body could not be read.", { cause: error });
    }
  }
}
