import type { TaskDefinition } from "../../../linkage/task-queue.js";

/** The resource that a task uses most; `light`: neither much processor time nor much memory. */
export type TaskLoad = NonNullable<TaskDefinition["load"]> | "light";

export interface InProcessQueueOptions {
  /**
   * Concurrent tasks, by load, 1 or more each; tasks of different loads do not wait for each other. With a limit of 2
   * or more, one run gets at most all slots but one. Default: `compute` 3, `memory` 2, `light` 4.
   */
  readonly limits?: Partial<Readonly<Record<TaskLoad, number>>>;
  /** How long a failed task waits before it is retried, in milliseconds; default 5,000. */
  readonly retryDelayMs?: number;
  /** How long `close` waits for running tasks before it aborts them, in milliseconds; default 10,000. */
  readonly closeTimeoutMs?: number;
  /** Called for each failure. */
  readonly onFailure?: (failure: TaskFailureReport) => void;
}

export interface TaskFailureReport {
  readonly task: string;
  readonly taskId: string;
  readonly error: unknown;
  /** Whether the task will be retried. */
  readonly willRetry: boolean;
}

export const DEFAULT_LIMITS: Readonly<Record<TaskLoad, number>> = { compute: 3, memory: 2, light: 4 };
export const DEFAULT_RETRY_DELAY_MS = 5000;
export const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_RETRIES = 3;
