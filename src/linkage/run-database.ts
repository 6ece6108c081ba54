/** `created` and `queued` runs wait for data; `completed` and `error` are final. */
export type RunState = "created" | "queued" | "running" | "completed" | "error";

/** The runs, as the database has them. */
export interface RunDatabase {
  /** The state of a run; `undefined` if the run or its project does not exist, or the project is marked for deletion. */
  runState(projectId: string, runId: string): Promise<RunState | undefined>;

  /**
   * Fails a run that has not ended yet, in one step.
   *
   * @param message what the run's status says, for the user
   * @returns whether the run was failed now; `false` if it had ended already or does not exist
   */
  failRun(runId: string, message: string): Promise<boolean>;
}
