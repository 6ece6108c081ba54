import type { RunDatabase } from "../linkage/database.js";
import { hasEnded } from "./has-ended.js";

/** How often a run is asked for, in milliseconds. */
const CHECK_MS = 1000;

/** Notices that a run ends, or is deleted, while a task works for it. */
export class RunWatch {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Aborted when the run has ended, or with the task's own signal. */
  readonly signal: AbortSignal;

  /**
   * @param goesOn whether the run still goes on; where it rejects, that says nothing of the run
   * @param checkMs milliseconds between two looks; default 1,000
   */
  constructor(goesOn: () => Promise<boolean>, signal: AbortSignal | undefined, checkMs = CHECK_MS) {
    this.signal = signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal]);
    this.#timer = setInterval(() => {
      goesOn().then(
        (doesGoOn) => doesGoOn || this.#ended.abort(new Error("the run has ended")),
        () => {},
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

/** A run that a task works for. */
export interface WatchedRun {
  readonly projectId: string;
  readonly runId: string;
  /** The task's. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds between two looks whether the run goes on; default 1,000. */
  readonly checkMs?: number | undefined;
}

/**
 * Does what a run needs, as long as the run goes on. What fails because the run ended meanwhile, or was deleted, has not
 * failed.
 *
 * @param action stops with the signal that it is given
 * @returns whether the action came to its end
 */
export async function whileRunGoesOn(
  database: Pick<RunDatabase, "runState">,
  { projectId, runId, signal, checkMs }: WatchedRun,
  action: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const goesOn = async () => !hasEnded(await database.runState(projectId, runId));
  const watch = new RunWatch(goesOn, signal, checkMs);
  try {
    await action(watch.signal);
    return true;
  } catch (error) {
    if (signal?.aborted) throw error;
    if (watch.hasEnded || !(await goesOn().catch(() => true))) return false;
    throw error;
  } finally {
    watch.stop();
  }
}
