import type { RunCache } from "../linkage/run-cache.js";

/** How often a run is asked for, in milliseconds. */
const CHECK_MS = 1000;

/** Notices that a run ends, or is deleted, while a task works for it. */
export class RunWatch {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Aborted when the run has ended, or with the task's own signal. */
  readonly signal: AbortSignal;

  /** @param checkMs milliseconds between two looks; default 1,000 */
  constructor(
    cache: Pick<RunCache, "isActive">,
    runId: string,
    signal: AbortSignal | undefined,
    checkMs = CHECK_MS,
  ) {
    this.signal = signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal]);
    this.#timer = setInterval(() => {
      cache.isActive(runId).then(
        (isActive) => isActive || this.#ended.abort(new Error("the run has ended")),
        () => {}, // a cache out of reach says nothing of the run
      );
    }, checkMs).unref();
  }

  /** Whether the run was found to have ended. */
  get hasEnded(): boolean {
    return this.#ended.signal.aborted;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
