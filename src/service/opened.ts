import { setTimeout as delay } from "node:timers/promises";

/** A server that is out of reach must not hold up the end. */
const CLOSE_MS = 20_000;

/** What a service has opened, to be closed in the opposite order, also where the start fails halfway. */
export class Opened {
  readonly #closers: (() => unknown)[] = [];

  add<Part extends { close(): unknown }>(part: Part): Part {
    this.#closers.push(() => part.close());
    return part;
  }

  /** Closes all of it, one after the other; what fails or takes too long is left behind. */
  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      const closed = Promise.resolve().then(close);
      await Promise.race([closed.catch(() => {}), delay(CLOSE_MS, undefined, { ref: false })]);
    }
  }
}
