import type { MessageHeaders, MessageProperties } from "./message.js";
import { parseRate } from "./rate.js";
import type { TaskFailure } from "./task-errors.js";

/** What a task may say of itself. */
export interface TaskOptions {
  /** Names of its parameters, in order; those that may be missing end in `?`. */
  readonly parameters: readonly string[];
  /** Whether positional arguments are taken in any number, as a list named `args`; `parameters` then come by name only. */
  readonly takesPositionals?: boolean | undefined;
  /** Acknowledge after the work rather than before it; default: the worker's setting. */
  readonly acksLate?: boolean | undefined;
  /** How often it may be tried again; default 3, null for no limit. */
  readonly maxRetries?: number | null | undefined;
  /** Store no success; default false. */
  readonly ignoreResult?: boolean | undefined;
  /** Seconds after which it is ended; default: the worker's setting. A message may say otherwise. */
  readonly timeLimitSeconds?: number | undefined;
  /** Seconds after which it is asked to end. */
  readonly softTimeLimitSeconds?: number | undefined;
  /** Whether it goes back to the queue when its process dies; default: the worker's setting. */
  readonly rejectOnWorkerLost?: boolean | undefined;
  /** The most starts, such as `10/m` (`/s`, `/m`, `/h`), for each worker. */
  readonly rateLimit?: string | undefined;
  /** Store the state STARTED; default: the worker's setting. */
  readonly trackStarted?: boolean | undefined;
}

/** Where a task that runs in a process of its own is found. */
export interface TaskModule {
  readonly module: URL;
  /** The exported handler; default `default`. */
  readonly export?: string;
}

/** What a handler knows of its call. */
export interface TaskContext {
  readonly id: string;
  readonly name: string;
  /** How often it has been tried before. */
  readonly retries: number;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly headers: MessageHeaders;
  readonly deliveryInfo: MessageProperties["delivery_info"];
  readonly hostname: string;
  /** Aborted when the task is revoked or a time limit is reached; its reason is the failure to throw. */
  readonly signal: AbortSignal;
  /** Gives the task up for now: it is sent again. Throws always. */
  retry(options?: RetryOptions): never;
}

export interface RetryOptions {
  /** Seconds until it may run again; default 180. */
  readonly countdownSeconds?: number | undefined;
  /** Default: the task's. */
  readonly maxRetries?: number | null | undefined;
  /** What to fail with when it has been tried often enough; default `MaxRetriesExceededError`. */
  readonly error?: unknown;
}

export type TaskHandler<Parameters extends Record<string, unknown> = Record<string, unknown>> = (
  parameters: Parameters,
  context: TaskContext,
) => unknown;

export interface RegisteredTask extends TaskOptions {
  readonly name: string;
  readonly handler?: TaskHandler;
  readonly module?: TaskModule;
  /** Starts a second; 0 for no limit. */
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

/** @throws TypeError in one sentence */
export function checkTaskOptions(
  name: string,
  options: TaskOptions,
): TaskOptions & { ratePerSecond: number } {
  if (!/^[\w.:-]{1,255}$/.test(name))
    throw new TypeError("the name of a task: expected letters, digits and dots");
  const wrong = options.parameters.find((parameter) => !/^\w+\??$/.test(parameter));
  if (wrong !== undefined) throw new TypeError(`task ${name}: expected a name for each parameter`);
  try {
    return { ...options, ratePerSecond: parseRate(options.rateLimit) };
  } catch {
    throw new TypeError(`task ${name}: expected a rate such as 10/m`);
  }
}
