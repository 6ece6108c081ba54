import { setTimeout as delay } from "node:timers/promises";
import { unlessAborted } from "../linkage/unless-aborted.js";

/** A health check of a store; rejects if the store does not answer. */
export type StoreCheck = (signal: AbortSignal) => Promise<void>;

const FIRST_DELAY_MS = 250;
const MAX_DELAY_MS = 5000;
const CHECK_MS = 10_000;

export interface StoreWatchEvents {
  /** A check has failed; the reason contains no address. */
  readonly onFailure: (store: string, reason: string) => void;
  /** Either all stores answer now, or one no longer does. */
  readonly onChange?: (areReady: boolean) => void;
}

/** Tracks whether each store answers, with periodic checks; failing stores are checked less and less often. */
export class StoreWatch {
  readonly #checks: Readonly<Record<string, StoreCheck>>;
  readonly #events: StoreWatchEvents;
  readonly #checkMs: number;
  readonly #states: Record<string, boolean> = {};
  readonly #stopped = new AbortController();

  /**
   * @param checkMs how long one check may take, in milliseconds; the pause after a successful one is half as long
   */
  constructor(checks: Readonly<Record<string, StoreCheck>>, events: StoreWatchEvents, checkMs = CHECK_MS) {
    this.#checks = checks;
    this.#events = events;
    this.#checkMs = checkMs;
    for (const store of Object.keys(checks)) this.#states[store] = false;
  }

  /** By store: whether it answered the last check. */
  get states(): Readonly<Record<string, boolean>> {
    return { ...this.#states };
  }

  get areReady(): boolean {
    return Object.values(this.#states).every(Boolean);
  }

  start(): void {
    for (const [store, check] of Object.entries(this.#checks)) void this.#watch(store, check);
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #watch(store: string, check: StoreCheck): Promise<void> {
    for (let wait = FIRST_DELAY_MS; ; ) {
      try {
        await this.#ask(check);
        if (this.#stopped.signal.aborted) return;
        this.#set(store, true);
        wait = FIRST_DELAY_MS;
        await delay(this.#checkMs / 2, undefined, { ref: false });
      } catch (error) {
        if (this.#stopped.signal.aborted) return;
        this.#set(store, false);
        this.#events.onFailure(store, reasonOf(error));
        await delay(wait, undefined, { ref: false });
        wait = Math.min(MAX_DELAY_MS, 2 * wait);
      }
      if (this.#stopped.signal.aborted) return;
    }
  }

  #set(store: string, answers: boolean): void {
    const wereReady = this.areReady;
    this.#states[store] = answers;
    if (this.areReady !== wereReady) this.#events.onChange?.(this.areReady);
  }

  async #ask(check: StoreCheck): Promise<void> {
    const late = new AbortController();
    // Not AbortSignal.timeout: Node 20 garbage-collects one that only AbortSignal.any refers to.
    const timer = setTimeout(() => late.abort(new DOMException("no answer", "TimeoutError")), this.#checkMs);
    timer.unref();
    const signal = AbortSignal.any([this.#stopped.signal, late.signal]);
    try {
      await unlessAborted(check(signal), signal);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An error's code or class: its message might contain an address. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(typeof code === "string" ? code : (name ?? "unknown")).slice(0, 80); // a DOMException's is a number
}
