import type { RunDatabase } from "../linkage/database.js";
import { hasEnded } from "./has-ended.js";

/** How often a run is checked, in milliseconds. */
const CHECK_MS = 1000;

/** Notices when a run ends, or is deleted, while a task works for it. */
export class RunWatch {
  readonly #ended = new AbortController();
  readonly #timer: NodeJS.Timeout;
  /** Aborts when the run has ended, or with the task's own signal. */
  readonly signal: AbortSignal;

  /**
   * @param isActive whether the run is active; a rejection says nothing about the run
   * @param checkMs milliseconds between checks; default 1,000
   */
  constructor(isActive: () => Promise<boolean>, signal: AbortSignal | undefined, checkMs = CHECK_MS) {
    this.signal = signal === undefined ? this.#ended.signal : AbortSignal.any([signal, this.#ended.signal]);
    this.#timer = setInterval(() => {
      isActive().then(
        (active) => active || this.#ended.abort(new Error("The run has ended.")),
        () => {},
      );
    }, checkMs).unref();
  }

  /** Whether a check has found that the run has ended. */
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
  /** The task's signal. */
  readonly signal: AbortSignal | undefined;
  /** Milliseconds between checks whether the run has ended; default 1,000. */
  readonly checkMs?: number;
}

/**
 * Runs an action for a run, as long as the run continues. A failure because the run ended or was deleted meanwhile does
 * not count.
 *
 * @param action stops when its signal aborts
 * @returns whether the action finished
 */
export async function whileRunIsActive(
  database: Pick<RunDatabase, "runState">,
  { projectId, runId, signal, checkMs }: WatchedRun,
  action: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const isActive = async () => !hasEnded(await database.runState(projectId, runId));
  const watch = new RunWatch(isActive, signal, checkMs);
  try {
    await action(watch.signal);
    return true;
  } catch (error) {
    if (signal?.aborted) throw error;
    if (watch.hasEnded || !(await isActive().catch(() => true))) return false;
    throw error;
  } finally {
    watch.stop();
  }
}
