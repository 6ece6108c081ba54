import { setTimeout as delay } from "node:timers/promises";

/** An unreachable server must not delay the shutdown. */
const CLOSE_MS = 20_000;

/** What a service has opened, to be closed in reverse order, even if the start fails halfway. */
export class ResourceStack {
  readonly #closers: (() => unknown)[] = [];

  add<Part extends { close(): unknown }>(part: Part): Part {
    this.#closers.push(() => part.close());
    return part;
  }

  /** Closes everything, one after the other; what fails or takes too long is skipped. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      const closed = Promise.resolve().then(close);
      await Promise.race([closed.catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })]);
    }
  }
}
