import type { MessageHeaders, MessageProperties } from "./message.js";
import { parseRate } from "./rate.js";
import type { TaskFailure } from "./task-errors.js";

/** The options of a task. */
export interface TaskOptions {
  /** Names of its parameters, in order; optional ones end in `?`. */
  readonly parameters: readonly string[];
  /** Whether any number of positional arguments is accepted, as a list `args`; `parameters` are then keyword-only. */
  readonly takesPositionals?: boolean;
  /** Acknowledge after the work rather than before it; default: the worker's setting. */
  readonly acksLate?: boolean;
  /** The maximum number of retries; default 3, null for no limit. */
  readonly maxRetries?: number | null;
  /** Do not store a successful result; default false. */
  readonly ignoreResult?: boolean;
  /** Seconds after which the task is terminated; default: the worker's setting. A message may override it. */
  readonly timeLimitSeconds?: number;
  /** Seconds after which the task is asked to stop. */
  readonly softTimeLimitSeconds?: number;
  /** Whether the task returns to the queue when its process dies; default: the worker's setting. */
  readonly rejectOnWorkerLost?: boolean;
  /** The maximum rate of starts, such as `10/m` (`/s`, `/m`, `/h`), for each worker. */
  readonly rateLimit?: string;
  /** Store the state STARTED; default: the worker's setting. */
  readonly trackStarted?: boolean;
}

/** Where to find a task that runs in a separate process. */
export interface TaskModule {
  readonly module: URL;
  /** The exported handler; default `default`. */
  readonly export?: string;
}

/** What a handler can see of its call. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  /** How often the task has been tried before. */
  readonly retries: number;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly headers: MessageHeaders;
  readonly deliveryInfo: MessageProperties["delivery_info"];
  readonly hostname: string;
  /** Aborted when the task is revoked or a time limit is reached; its reason is the failure to throw. */
  readonly signal: AbortSignal;
  /** Stops this attempt and sends the task again. Always throws. */
  retry(options?: RetryOptions): never;
}

export interface RetryOptions {
  /** Seconds until the task may run again; default 180. */
  readonly countdownSeconds?: number;
  /** Default: the task's setting. */
  readonly maxRetries?: number | null;
  /** The error to fail with once the retries are used up; default `MaxRetriesExceededError`. */
  readonly error?: unknown;
  /** The task cannot be done yet and has not failed: this does not count as a retry. Default false. */
  readonly isPutOff?: boolean;
}

export type TaskHandler<Parameters extends Record<string, unknown> = Record<string, unknown>> = (
  parameters: Parameters,
  context: TaskContext,
) => unknown;

export interface RegisteredTask extends TaskOptions {
  readonly name: string;
  readonly handler?: TaskHandler;
  readonly module?: TaskModule;
  /** Starts per second; 0 for no limit. */
  readonly ratePerSecond: number;
}

/** Thrown by {@link TaskContext.retry}. */
export class RetryRequest extends Error {
  constructor(
    readonly options: RetryOptions,
    readonly cause_: TaskFailure | undefined,
  ) {
    super("the task is to be tried again");
  }
}

/** @throws TypeError with a one-sentence message */
export function checkTaskOptions(
  name: string,
  options: TaskOptions,
): TaskOptions & { ratePerSecond: number } {
  if (!/^[\w.:-]{1,255}$/.test(name))
    throw new TypeError("The name of a task must consist of letters, digits and dots.");
  const wrong = options.parameters.find((parameter) => !/^\w+\??$/.test(parameter));
  if (wrong !== undefined) throw new TypeError(`Each parameter of the task ${name} must have a name.`);
  try {
    return { ...options, ratePerSecond: parseRate(options.rateLimit) };
  } catch {
    throw new TypeError(`rateLimit of the task ${name} must be a rate such as 10/m.`);
  }
}
