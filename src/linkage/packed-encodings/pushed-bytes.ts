/** A byte stream that one side pushes to and the other reads at its own pace, once. */
export class PushedBytes implements AsyncIterable<Uint8Array> {
  #next: Uint8Array | undefined;
  #hasEnded = false;
  #failure: { readonly error: unknown } | undefined;
  /** Set while the reader waits for bytes. */
  #onPushed: (() => void) | undefined;
  /** Set while the pusher waits for its bytes to be read. */
  #onTaken: { resolve(): void; reject(error: unknown): void } | undefined;

  /**
   * Resolves once the bytes have been read and may be reused. Must not be called again before that.
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

  /** Ends the stream. */
  end(): void {
    this.#hasEnded = true;
    this.#onPushed?.();
  }

  /** Fails both sides with this error, unless they are done or have got another error. */
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
