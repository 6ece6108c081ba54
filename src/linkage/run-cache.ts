/** What a task has completed. */
export interface TaskProgress {
  /** Pairs of records compared, an integer ≥ 0. */
  readonly comparisons: number;
  /** Candidate pairs found, an integer ≥ 0. */
  readonly candidates: number;
}

export type CachedRunState = "active" | "complete" | "deleted";

/** The workers' state of active runs: fast, but not permanent. */
export interface RunCache {
  /** Whether the run is active; a complete, deleted or unknown run is not. */
  isActive(runId: string): Promise<boolean>;

  /** `undefined` if the run is unknown. */
  runState(runId: string): Promise<CachedRunState | undefined>;

  /** A deleted run stays deleted; a complete one cannot become active again, nor an unknown one complete. */
  setRunState(runId: string, state: CachedRunState): Promise<void>;

  /**
   * Adds a task's results to the progress of its run; a task that is executed twice counts once.
   *
   * @returns the candidate pairs of the run's stage so far; `undefined` if the run is no longer active, and then
   *   nothing is counted
   */
  countProgress(runId: string, taskId: string, progress: TaskProgress): Promise<number | undefined>;

  /** The counts of the run's current stage so far; `undefined` if nothing is known. */
  progressOf(runId: string): Promise<TaskProgress | undefined>;

  /** Clears the counts at the end of a stage; tasks that were counted are not counted again. */
  clearProgress(runId: string): Promise<void>;

  /**
   * Settles the number of comparisons in a package of the run: the first caller's value holds for all callers, so that
   * all produce the same packages.
   *
   * @param comparisons the number that the caller proposes, an integer ≥ 1
   * @returns the number that was settled
   */
  settlePackageSize(runId: string, comparisons: number): Promise<number>;

  /** Removes the run and the list of its counted tasks. */
  remove(runId: string): Promise<void>;

  /** Removes what others store for a project as a whole, such as the Python workers' count of its comparisons. */
  removeProject(projectId: string): Promise<void>;

  /** Takes or renews the upload's lease for `seconds`. */
  holdUpload(receiptToken: string, seconds: number): Promise<void>;
  isUploadHeld(receiptToken: string): Promise<boolean>;
  releaseUpload(receiptToken: string): Promise<void>;

  /** Rejects unless the cache responds. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
