import { setTimeout as delay } from "node:timers/promises";

/** Asks a store for a sign of life; rejects where there is none. */
export type StoreCheck = (signal: AbortSignal) => Promise<void>;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 15_000;
const CHECK_MS = 10_000;

/** Knows of each store whether it has answered yet; asks until all have, less and less often. */
export class StoreWatch {
  readonly #checks: Readonly<Record<string, StoreCheck>>;
  readonly #onFailure: (store: string, reason: string) => void;
  readonly #checkMs: number;
  readonly #states: Record<string, boolean> = {};
  readonly #stopped = new AbortController();

  /**
   * @param onFailure told of each check that fails; the reason names no address
   * @param checkMs how long one check may take
   */
  constructor(
    checks: Readonly<Record<string, StoreCheck>>,
    onFailure: (store: string, reason: string) => void,
    checkMs = CHECK_MS,
  ) {
    this.#checks = checks;
    this.#onFailure = onFailure;
    this.#checkMs = checkMs;
    for (const store of Object.keys(checks)) this.#states[store] = false;
  }

  /** By store: whether it has answered. */
  get states(): Readonly<Record<string, boolean>> {
    return { ...this.#states };
  }

  get areReady(): boolean {
    return Object.values(this.#states).every(Boolean);
  }

  /** Resolves once every store has answered; never where it is stopped before. */
  async waitUntilReady(): Promise<void> {
    await Promise.all(Object.entries(this.#checks).map(([store, check]) => this.#waitFor(store, check)));
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #waitFor(store: string, check: StoreCheck): Promise<void> {
    for (let wait = FIRST_DELAY_MS; ; wait = Math.min(LONGEST_DELAY_MS, 2 * wait)) {
      try {
        await this.#ask(check);
        this.#states[store] = true;
        return;
      } catch (error) {
        if (this.#stopped.signal.aborted) return new Promise(() => {});
        this.#onFailure(store, reasonOf(error));
        await delay(wait, undefined, { ref: false });
      }
    }
  }

  async #ask(check: StoreCheck): Promise<void> {
    const late = new AbortController();
    // In place of AbortSignal.timeout: Node 20 forgets one that AbortSignal.any alone knows of.
    const timer = setTimeout(() => late.abort(new DOMException("no answer", "TimeoutError")), this.#checkMs);
    timer.unref();
    const signal = AbortSignal.any([this.#stopped.signal, late.signal]);
    const gone = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const asked = check(signal);
    asked.catch(() => {}); // where it is no longer waited for
    try {
      await Promise.race([asked, gone]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An error's code or class: a message might hold an address. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return String(typeof code === "string" ? code : (name ?? "unknown")).slice(0, 80); // DOMExceptions have numbers
}
