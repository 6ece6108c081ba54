/** How much of a body is kept, in bytes: enough for one that names files. */
export const KEPT_LENGTH = 1 << 14;

/** A body that can be read on by another reader; its beginning can be read again. */
export class ResumableBody implements AsyncIterable<Uint8Array> {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly kept: Uint8Array[] = [];
  private keptLength = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Reads on from where the last reader stopped. Leaving early does not end the body. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next() };
  }

  /**
   * Reads on to the end.
   *
   * @returns all of it, from the first byte on; `undefined` if that is more than {@link KEPT_LENGTH}
   */
  async whole(): Promise<Uint8Array | undefined> {
    while (this.keptLength <= KEPT_LENGTH) {
      if ((await this.next()).done) return Buffer.concat(this.kept);
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.chunks.return?.();
  }

  private async next(): Promise<IteratorResult<Uint8Array>> {
    const next = await this.chunks.next();
    if (next.done || this.keptLength > KEPT_LENGTH) return next;
    // Copied: who makes chunks may use their memory again.
    if (next.value.length + this.keptLength <= KEPT_LENGTH) this.kept.push(next.value.slice());
    else this.kept.length = 0;
    this.keptLength += next.value.length;
    return next;
  }
}
