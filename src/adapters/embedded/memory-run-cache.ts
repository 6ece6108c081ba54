import type { CachedRunState, RunCache, TaskProgress } from "../../linkage/run-cache.js";

interface CachedRun {
  state: CachedRunState | undefined;
  comparisons: number;
  candidates: number;
  /** Ids of the tasks already counted. */
  readonly counted: Set<string>;
  packageSize?: number;
}

export interface MemoryRunCacheOptions {
  /** Returns the time in milliseconds; default: `Date.now`. */
  readonly now?: () => number;
}

/** A run cache in this process's memory. It is empty after a restart; unfinished runs are then sent again. */
export class MemoryRunCache implements RunCache {
  readonly #runs = new Map<string, CachedRun>();
  /** When each lease expires. */
  readonly #leases = new Map<string, number>();
  readonly #now: () => number;

  constructor({ now = Date.now }: MemoryRunCacheOptions = {}) {
    this.#now = now;
  }

  async isActive(runId: string): Promise<boolean> {
    return this.#runs.get(runId)?.state === "active";
  }

  async runState(runId: string): Promise<CachedRunState | undefined> {
    return this.#runs.get(runId)?.state;
  }

  async setRunState(runId: string, state: CachedRunState): Promise<void> {
    const run = this.#runs.get(runId);
    if (run === undefined) {
      if (state === "complete") return;
      this.#runs.set(runId, { state, comparisons: 0, candidates: 0, counted: new Set() });
      return;
    }
    if (run.state !== "deleted" && !(run.state === "complete" && state === "active")) run.state = state;
    if (run.state !== "active") run.counted.clear(); // nothing is counted anymore
  }

  async countProgress(runId: string, taskId: string, progress: TaskProgress): Promise<number | undefined> {
    const run = this.#runs.get(runId);
    if (run?.state !== "active") return undefined;
    if (!run.counted.has(taskId)) {
      run.counted.add(taskId);
      run.comparisons += progress.comparisons;
      run.candidates += progress.candidates;
    }
    return run.candidates;
  }

  async progressOf(runId: string): Promise<TaskProgress | undefined> {
    const run = this.#runs.get(runId);
    return run && { comparisons: run.comparisons, candidates: run.candidates };
  }

  async clearProgress(runId: string): Promise<void> {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    run.comparisons = 0;
    run.candidates = 0;
  }

  async settlePackageSize(runId: string, comparisons: number): Promise<number> {
    const run = this.#runs.get(runId);
    if (run === undefined) return comparisons;
    run.packageSize ??= comparisons;
    return run.packageSize;
  }

  async remove(runId: string): Promise<void> {
    this.#runs.delete(runId);
  }

  /** Nothing to forget: there are no Python workers. */
  async removeProject(): Promise<void> {}

  async holdUpload(receiptToken: string, seconds: number): Promise<void> {
    this.#leases.set(receiptToken, this.#now() + 1000 * seconds);
  }

  async isUploadHeld(receiptToken: string): Promise<boolean> {
    const end = this.#leases.get(receiptToken);
    return end !== undefined && end > this.#now();
  }

  async releaseUpload(receiptToken: string): Promise<void> {
    this.#leases.delete(receiptToken);
  }

  async check(): Promise<void> {}

  async close(): Promise<void> {}
}
