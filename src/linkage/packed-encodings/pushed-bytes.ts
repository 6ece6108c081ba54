/** A stream of bytes that one side pushes, and the other reads at its own pace, once. */
export class PushedBytes implements AsyncIterable<Uint8Array> {
  #next: Uint8Array | undefined;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  /** The reader waits for bytes. */
  #onPushed: (() => void) | undefined;
  /** The pusher waits until they are read. */
  #onTaken: { resolve(): void; reject(error: unknown): void } | undefined;

  /**
   * Resolves when the bytes were read and may be used for something else. To be called again only then.
   *
   * @throws the error of {@link fail}
   */
  async push(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (bytes.length === 0) return;
    this.#next = bytes;
    await new Promise<void>((resolve, reject) => {
      this.#onTaken = { resolve, reject };
      this.#onPushed?.();
    });
  }

  /** No more bytes come. */
  end(): void {
    this.#hasEnded = true;
    this.#onPushed?.();
  }

  /** Both sides get this error, unless they are done with it or have got another one. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#onTaken?.reject(this.#failure.error);
    this.#onTaken = undefined;
    this.#onPushed?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#next !== undefined) {
        yield this.#next;
        this.#next = undefined;
        this.#onTaken?.resolve();
        this.#onTaken = undefined;
      } else if (this.#hasEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#onPushed = resolve;
        });
        this.#onPushed = undefined;
      }
    }
  }
}
