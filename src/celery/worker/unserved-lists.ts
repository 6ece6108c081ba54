import type { CeleryBroker } from "../broker.js";
import { DEFAULT_SEPARATOR } from "../broker-keys.js";
import type { WorkerLog } from "./worker-options.js";

/** How often to look for such lists. */
const LOOK_MS = 300_000;
/** kombu's highest priority is 9. */
const PRIORITIES = Array.from({ length: 10 }, (_, priority) => priority);

/**
 * Warns of messages that wait where this worker does not look: in lists of its queues for other priority steps, or with
 * the default separator if its own differs. The sender of such messages has other `broker_transport_options`.
 */
export class UnservedLists {
  readonly #broker: CeleryBroker;
  readonly #queues: () => readonly string[];
  readonly #log: WorkerLog;
  readonly #warned = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param queues the queues that the worker consumes */
  constructor(broker: CeleryBroker, queues: () => readonly string[], log: WorkerLog) {
    this.#broker = broker;
    this.#queues = queues;
    this.#log = log;
  }

  start(): void {
    const look = () => void this.look().catch(() => {}); // retried the next time
    look();
    this.#timer = setInterval(look, LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Looks now, with one command per queue if there are no such lists; warns of each list once. */
  async look(): Promise<void> {
    const { redis, keys } = this.#broker;
    for (const queue of this.#queues()) {
      const served = new Set(keys.queueLists(queue));
      const others = [keys.separator, DEFAULT_SEPARATOR]
        .flatMap((separator) => PRIORITIES.map((step) => `${keys.prefix}${queue}${separator}${step}`))
        .concat(`${keys.prefix}${queue}`)
        .filter((list) => !served.has(list));
      if (others.length === 0 || (await redis.exists(...others)) === 0) continue;
      for (const list of new Set(others)) {
        if (this.#warned.has(list)) continue;
        const messages = await redis.llen(list).catch(() => 0); // a key of another type
        if (messages === 0) continue;
        this.#warned.add(list);
        this.#log.warn(
          { queue, list, messages },
          "messages wait in a list that this worker does not serve: give it the cluster's priority_steps and sep",
        );
      }
    }
  }
}
