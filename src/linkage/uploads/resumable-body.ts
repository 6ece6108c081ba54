/** Bytes of a body that are kept: enough for one that names files. */
export const KEPT_LENGTH = 1 << 14;

/** A body that another reader can continue; its beginning can be read again. */
export class ResumableBody implements AsyncIterable<Uint8Array> {
  private readonly chunks: AsyncIterator<Uint8Array>;
  private readonly kept: Uint8Array[] = [];
  private keptLength = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.chunks = source[Symbol.asyncIterator]();
  }

  /** Continues where the last reader stopped. Leaving the iteration early does not end the body. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next() };
  }

  /**
   * Reads to the end.
   *
   * @returns the whole body; `undefined` if it is longer than {@link KEPT_LENGTH}
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
    // Copied, because the source may reuse the memory of its chunks.
    if (next.value.length + this.keptLength <= KEPT_LENGTH) this.kept.push(next.value.slice());
    else this.kept.length = 0;
    this.keptLength += next.value.length;
    return next;
  }
}
