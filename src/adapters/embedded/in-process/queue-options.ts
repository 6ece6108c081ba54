import type { TaskDefinition } from "../../../linkage/task-queue.js";

/** What a task takes most of; `light`: neither much time nor much memory. */
export type TaskLoad = NonNullable<TaskDefinition["load"]> | "light";

export interface InProcessQueueOptions {
  /**
   * Tasks at once, by their load, 1 or more each; no load waits for another. Where they are 2 or more, one run has at most all
   * but one of them. Default: 3, 2 and 4.
   */
  readonly limits?: Partial<Readonly<Record<TaskLoad, number>>> | undefined;
  /** How long a task that has failed waits until it is tried again, in milliseconds; default 5,000. */
  readonly retryDelayMs?: number | undefined;
  /** How long `close` waits for running tasks until it tells them to stop, in milliseconds; default 10,000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Told of each failure. */
  readonly onFailure?: ((failure: TaskFailureReport) => void) | undefined;
}

export interface TaskFailureReport {
  readonly task: string;
  readonly taskId: string;
  readonly error: unknown;
  /** Whether the task will be tried again. */
  readonly willRetry: boolean;
}

export const DEFAULT_LIMITS: Readonly<Record<TaskLoad, number>> = { compute: 3, memory: 2, light: 4 };
export const DEFAULT_RETRY_DELAY_MS = 5000;
export const DEFAULT_CLOSE_TIMEOUT_MS = 10_000;
export const DEFAULT_MAX_RETRIES = 3;
