import type { Redis } from "ioredis";
import type { CeleryBroker } from "../broker.js";
import type { ClaimedMessage } from "../claimed-message.js";
import { closeConnection } from "../outlive-connections.js";

/** Milliseconds between polls of a server that does not let connections wait for messages. */
const POLL_MS = 250;
/** Pause after a server error, between checks for room, and between checks while connections wait for messages. */
const PAUSE_MS = 1000;

/** Claims messages one by one while there is room for them. */
export class Consumer {
  readonly #broker: CeleryBroker;
  readonly #hasRoom: () => boolean;
  readonly #take: (message: ClaimedMessage) => void;
  readonly #queues: string[];
  readonly #waiting = new Map<string, { connection: Redis; pending: Promise<void> | undefined }>();
  #isRunning = false;
  /** Whether the server lets a connection wait for a message, as far as is known. */
  #canWait = true;
  /** Whether a claim may find a message: there was one, or one may have arrived since. */
  #mayFind = true;
  #loop: Promise<void> | undefined;
  #turnedAt = performance.now();
  #watch: NodeJS.Timeout | undefined;
  #wake = () => {};

  /**
   * @param hasRoom whether another message can be claimed now
   * @param take receives each message, which is in `unacked` already
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

  /**
   * Milliseconds since the loop's last iteration, 0 if it is not running. It iterates about once a second even if there
   * is no room. While the server is unreachable, this stays near 0: the connection retries, and a restart would not
   * help.
   */
  get standstillMs(): number {
    return this.#isRunning ? performance.now() - this.#turnedAt : 0;
  }

  addQueue(queue: string): void {
    if (!this.#queues.includes(queue)) this.#queues.push(queue);
    this.wake();
  }

  removeQueue(queue: string): void {
    const index = this.#queues.indexOf(queue);
    if (index >= 0) this.#queues.splice(index, 1);
    for (const list of this.#broker.keys.queueLists(queue)) this.#forget(list);
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#turnedAt = performance.now();
    this.#watch = setInterval(() => {
      if (this.#broker.redis.status !== "ready") this.#turnedAt = performance.now();
    }, PAUSE_MS).unref();
    this.#loop = this.#run();
  }

  /** Resolves when no more messages can arrive. */
  async stop(): Promise<void> {
    const isFirst = this.#isRunning;
    this.#isRunning = false;
    clearInterval(this.#watch);
    this.wake();
    for (const list of [...this.#waiting.keys()]) this.#forget(list);
    await this.#loop;
    for (const list of [...this.#waiting.keys()]) this.#forget(list);
    if (isFirst) await this.#broker.endClaims().catch(() => {}); // otherwise it expires
  }

  /** There may be room, or a message. */
  wake(): void {
    this.#wake();
  }

  async #run(): Promise<void> {
    while (this.#isRunning) {
      this.#turnedAt = performance.now();
      if (this.#queues.length === 0 || !this.#hasRoom()) {
        await this.#sleep(PAUSE_MS);
        this.#mayFind = true;
        continue;
      }
      try {
        // This check costs the server one command for all queues and priorities; a claim costs one for each.
        this.#mayFind ||= await this.#broker.hasMessage(this.#queues);
        const message = this.#mayFind ? await this.#broker.claim(this.#queues) : undefined;
        if (message !== undefined) {
          this.#queues.push(this.#queues.shift()!); // rotate, so that no queue starves
          this.#take(message);
        } else if (this.#isRunning) {
          this.#mayFind = false;
          await (this.#canWait ? this.#sleep(PAUSE_MS, this.#messages()) : this.#sleep(POLL_MS));
        }
      } catch {
        await this.#sleep(PAUSE_MS);
      }
    }
  }

  /** Resolves after `milliseconds`, on {@link wake}, or with the first of `others`. */
  async #sleep(milliseconds: number, others: readonly Promise<void>[] = []): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const slept = new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, milliseconds);
    });
    await Promise.race([slept, ...others]);
    clearTimeout(timer);
  }

  /** One promise per list, which resolves when the list has a message, or after some seconds. */
  #messages(): Promise<void>[] {
    const { keys } = this.#broker;
    return this.#queues.flatMap((queue) => keys.queueLists(queue).map((list) => this.#messageIn(list)));
  }

  #messageIn(list: string): Promise<void> {
    let entry = this.#waiting.get(list);
    if (entry === undefined) {
      entry = { connection: this.#broker.connect(), pending: undefined };
      this.#waiting.set(list, entry);
    }
    const waiting = entry;
    waiting.pending ??= this.#broker
      .waitForMessage(waiting.connection, list)
      .then((isThere) => {
        if (isThere) this.#mayFind = true;
      })
      .catch((error: Error) => this.#onWaitFailed(list, error))
      .finally(() => {
        waiting.pending = undefined;
      });
    return waiting.pending;
  }

  /** Redis < 6.2 has no BLMOVE, and an access list may forbid it; the consumer polls then. */
  async #onWaitFailed(list: string, { message }: Error): Promise<void> {
    if (/^(ERR unknown command|NOPERM)/.test(message)) {
      this.#canWait = false;
      this.#forget(list);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
  }

  #forget(list: string): void {
    const entry = this.#waiting.get(list);
    if (entry !== undefined) closeConnection(entry.connection);
    this.#waiting.delete(list);
  }
}
