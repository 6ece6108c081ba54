/** What a task has done. */
export interface TaskProgress {
  /** Pairs of records compared, whole number ≥ 0. */
  readonly comparisons: number;
  /** Candidate pairs found, whole number ≥ 0. */
  readonly candidates: number;
}

export type CachedRunState = "active" | "complete" | "deleted";

/** What the workers know of runs in work; fast, and lost after a while. */
export interface RunCache {
  /** Whether the run is in work; a run that is complete, deleted or unknown is not. */
  isActive(runId: string): Promise<boolean>;

  /** `undefined` if nothing is known of the run. */
  runState(runId: string): Promise<CachedRunState | undefined>;

  /** A deleted run stays so, a complete one does not become active again, and an unknown one does not become complete. */
  setRunState(runId: string, state: CachedRunState): Promise<void>;

  /**
   * Adds what a task has done to its run's progress; a task that is done twice counts once.
   *
   * @returns the candidate pairs of the run's stage so far, or `undefined` if the run is no longer active, and then
   *   nothing is counted
   */
  countProgress(runId: string, taskId: string, progress: TaskProgress): Promise<number | undefined>;

  /** What was counted in the run's stage so far; `undefined` if nothing is known. */
  progressOf(runId: string): Promise<TaskProgress | undefined>;

  /** Forgets what was counted, as a stage ends; the tasks counted already stay counted. */
  clearProgress(runId: string): Promise<void>;

  /** Forgets the run, and which of its tasks were counted. */
  remove(runId: string): Promise<void>;

  /** Forgets what others have noted of a project as such, as Python workers do of its comparisons. */
  removeProject(projectId: string): Promise<void>;

  /** Says that an upload is alive, for so many seconds from now; said again while it lasts. */
  holdUpload(receiptToken: string, seconds: number): Promise<void>;
  isUploadHeld(receiptToken: string): Promise<boolean>;
  releaseUpload(receiptToken: string): Promise<void>;

  /** Rejects unless the cache answers. */
  check(signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
