import type { CeleryBroker } from "../broker.js";

/** Python looks for messages of dead workers about so often, in milliseconds. */
const SWEEP_MS = 100_000;

/**
 * Keeps what a worker holds from going back to its queue, and puts back what dead workers held. Python's workers do not
 * renew: what takes them longer than the visibility timeout runs twice.
 */
export class Leases {
  readonly #broker: CeleryBroker;
  readonly #heldTags: () => readonly string[];
  #timers: NodeJS.Timeout[] = [];

  /** @param heldTags the delivery tags of all messages held now */
  constructor(broker: CeleryBroker, heldTags: () => readonly string[]) {
    this.#broker = broker;
    this.#heldTags = heldTags;
  }

  start(): void {
    const timeoutMs = 1000 * this.#broker.visibilityTimeoutSeconds;
    const sweep = () => void this.#broker.restoreExpired().catch(() => {}); // the next one will do it
    const renew = () => void this.#broker.renew(this.#heldTags()).catch(() => {});
    sweep();
    this.#timers = [
      setInterval(sweep, Math.min(SWEEP_MS, timeoutMs)),
      setInterval(renew, Math.max(100, timeoutMs / 3)),
    ];
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
  }
}
