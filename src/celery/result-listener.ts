import type { Redis } from "ioredis";
import { type CeleryBackend, FINAL_STATES, type TaskMeta } from "./backend.js";
import { closeConnection } from "./outlive-connections.js";
import { loads } from "./python-json.js";

type Waiter = (meta: TaskMeta) => void;

/** Receives results as they are stored: one connection for all waiting callers, and no polling. */
export class ResultListener {
  readonly #backend: CeleryBackend;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #connection: Redis | undefined;

  constructor(backend: CeleryBackend) {
    this.#backend = backend;
  }

  /**
   * Calls back once, with the task's final state. Subscribed when the promise resolves: later results are received,
   * earlier ones are looked up.
   *
   * @returns a function that stops the waiting
   */
  async wait(taskId: string, onFinal: Waiter): Promise<() => void> {
    const channel = this.#backend.resultKey(taskId);
    const waiters = this.#waiters.get(channel) ?? new Set();
    this.#waiters.set(channel, waiters);
    const waiter: Waiter = (meta) => {
      if (stop()) onFinal(meta);
    };
    const stop = (): boolean => {
      if (!waiters.delete(waiter)) return false;
      if (waiters.size === 0 && this.#waiters.get(channel) === waiters) {
        this.#waiters.delete(channel);
        this.#connection?.unsubscribe(channel).catch(() => {});
      }
      return true;
    };
    waiters.add(waiter);
    await this.#connect().subscribe(channel);
    void this.#look(taskId, channel);
    return stop;
  }

  close(): void {
    this.#waiters.clear();
    if (this.#connection !== undefined) closeConnection(this.#connection);
    this.#connection = undefined;
  }

  async #look(taskId: string, channel: string): Promise<void> {
    const meta = await this.#backend.getTaskMeta(taskId).catch(() => undefined);
    if (meta !== undefined) this.#notify(channel, meta);
  }

  #notify(channel: string, meta: TaskMeta): void {
    if (!FINAL_STATES.has(meta.status)) return;
    for (const waiter of [...(this.#waiters.get(channel) ?? [])]) waiter(meta);
  }

  #connect(): Redis {
    if (this.#connection !== undefined) return this.#connection;
    const connection = this.#backend.connect();
    connection.on("message", (channel: string, text: string) => {
      try {
        this.#notify(channel, loads(text) as TaskMeta);
      } catch {} // not a result
    });
    // Results that were stored while the connection was down were missed.
    connection.on("ready", () => {
      for (const channel of this.#waiters.keys())
        void this.#look(channel.slice(this.#backend.resultKey("").length), channel);
    });
    this.#connection = connection;
    return connection;
  }
}
