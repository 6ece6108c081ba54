import type { Redis } from "ioredis";
import type { CeleryBroker, ClaimedMessage } from "../broker.js";

/** How long a message of another priority than 0, or one that another worker put back, may wait; milliseconds. */
const POLL_MS = 200;
/** After an error of the server. */
const ERROR_PAUSE_MS = 1000;

/** Claims messages one by one, while there is room for them. */
export class Consumer {
  readonly #broker: CeleryBroker;
  readonly #hasRoom: () => boolean;
  readonly #take: (message: ClaimedMessage) => void;
  readonly #queues: string[];
  readonly #waiting = new Map<string, { connection: Redis; pending: Promise<void> | undefined }>();
  #isRunning = false;
  #loop: Promise<void> | undefined;
  #wake = () => {};

  /**
   * @param hasRoom whether another message can be taken now
   * @param take gets each message; it is in `unacked` already
   */
  constructor(
    broker: CeleryBroker,
    queues: readonly string[],
    hasRoom: () => boolean,
    take: (message: ClaimedMessage) => void,
  ) {
    this.#broker = broker;
    this.#queues = [...new Set(queues)];
    this.#hasRoom = hasRoom;
    this.#take = take;
  }

  get queues(): readonly string[] {
    return this.#queues;
  }

  addQueue(queue: string): void {
    if (!this.#queues.includes(queue)) this.#queues.push(queue);
    this.wake();
  }

  removeQueue(queue: string): void {
    const index = this.#queues.indexOf(queue);
    if (index >= 0) this.#queues.splice(index, 1);
    this.#forget(queue);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#loop = this.#run();
  }

  /** Resolves when no message can come any more. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.wake();
    for (const queue of [...this.#waiting.keys()]) this.#forget(queue);
    await this.#loop;
    for (const queue of [...this.#waiting.keys()]) this.#forget(queue);
  }

  /** There may be room, or a message. */
  wake(): void {
    this.#wake();
  }

  async #run(): Promise<void> {
    let canWait: boolean | undefined;
    while (this.#isRunning) {
      if (this.#queues.length === 0 || !this.#hasRoom()) {
        await this.#sleep(ERROR_PAUSE_MS);
        continue;
      }
      try {
        canWait ??= await this.#broker.canWait();
        const message = await this.#broker.claim(this.#queues);
        if (message !== undefined) {
          this.#queues.push(this.#queues.shift()!); // turn by turn
          this.#take(message);
        } else if (this.#isRunning) {
          await this.#sleep(POLL_MS, canWait ? this.#queues.map((queue) => this.#messageIn(queue)) : []);
        }
      } catch {
        await this.#sleep(ERROR_PAUSE_MS);
      }
    }
  }

  /** Resolves after so many milliseconds, when woken, or with the first of `others`. */
  async #sleep(milliseconds: number, others: readonly Promise<void>[] = []): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const slept = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([slept, ...others]);
    clearTimeout(timer);
  }

  /** Resolves when a queue has a message, or after a second or so. */
  #messageIn(queue: string): Promise<void> {
    let entry = this.#waiting.get(queue);
    if (entry === undefined) {
      entry = { connection: this.#broker.connect(), pending: undefined };
      this.#waiting.set(queue, entry);
    }
    const { connection } = entry;
    entry.pending ??= this.#broker
      .waitForMessage(connection, queue)
      .catch(() => new Promise<void>((resolve) => setTimeout(resolve, ERROR_PAUSE_MS).unref()))
      .finally(() => {
        entry.pending = undefined;
      });
    return entry.pending;
  }

  #forget(queue: string): void {
    this.#waiting.get(queue)?.connection.disconnect();
    this.#waiting.delete(queue);
  }
}
