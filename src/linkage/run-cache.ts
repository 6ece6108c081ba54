/** What a task has done. */
export interface TaskProgress {
  /** Pairs of records compared, whole number ≥ 0. */
  readonly comparisons: number;
  /** Candidate pairs found, whole number ≥ 0. */
  readonly candidates: number;
}

/** What the workers know of runs in work; fast, and lost after a while. */
export interface RunCache {
  /** Whether the run is in work; a run that is complete, deleted or unknown is not. */
  isActive(runId: string): Promise<boolean>;

  /**
   * Adds what a task has done to its run's progress; a task that is done twice counts once.
   *
   * @returns the candidate pairs of the run's stage so far, or `undefined` if the run is no longer active, and then
   *   nothing is counted
   */
  countProgress(runId: string, taskId: string, progress: TaskProgress): Promise<number | undefined>;
}
