/** `created` and `queued` runs wait for data or for a worker; `completed` and `error` are final. */
export type RunState = "created" | "queued" | "running" | "completed" | "error";

export interface RunDescription {
  readonly runId: string;
  readonly projectId: string;
  /** Above 0, up to 1. */
  readonly threshold: number;
  readonly name: string;
  readonly notes: string;
}

export interface Run extends RunDescription {
  readonly state: RunState;
  /** 1: waiting for encodings, 2: comparing, 3: producing the output (not for similarity scores). */
  readonly stage: number;
  readonly timeAdded: Date;
  readonly timeStarted: Date | undefined;
  readonly timeCompleted: Date | undefined;
  /** For the user, if the run has failed. */
  readonly errorMessage: string | undefined;
}
