import { hostname } from "node:os";
import type { RejectedItem } from "../claimed-message.js";
import { cutText } from "../cut-text.js";
import type { Software } from "./node-info.js";

/** A worker's log; pino's and the console's methods fit. */
export interface WorkerLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface WorkerOptions {
  /** Queues to consume; default: the app's default queue. */
  readonly queues?: readonly string[];
  /** Tasks that run at once, 1 to 1,024; default 2. */
  readonly concurrency?: number;
  /** Messages held for each of them; default 1. */
  readonly prefetchMultiplier?: number;
  /** `name@host`; default `celery@` and the host's name. */
  readonly hostname?: string;
  /** Acknowledge after the work, so that a crash loses nothing; default true (Python's is false). */
  readonly acksLate?: boolean;
  /** Send task events; default true. */
  readonly sendEvents?: boolean;
  /** Tasks after which a task process is replaced; default: never. */
  readonly maxTasksPerChild?: number;
  /** Seconds after which a task is terminated; default: none. */
  readonly timeLimitSeconds?: number;
  /** Seconds after which a task is asked to stop; default: none. */
  readonly softTimeLimitSeconds?: number;
  /** Whether a task returns to its queue when its process dies; default false. */
  readonly rejectOnWorkerLost?: boolean;
  /** Store the state STARTED; default false. */
  readonly trackStarted?: boolean;
  /** Seconds that a cold shutdown first waits for tasks; default 0. */
  readonly softShutdownSeconds?: number;
  /** Seconds that a warm shutdown waits for tasks before it becomes a cold one; default: until they are done. */
  readonly shutdownGraceSeconds?: number;
  /**
   * A file that keeps revoked ids across restarts, like Celery's `worker_state_db`; each worker needs its own. Default:
   * none, so that the ids are learned only from other running workers.
   */
  readonly stateFile?: string;
  /**
   * Accept remote control, such as `celery inspect`, `revoke` and `shutdown`, like Celery's
   * `worker_enable_remote_control`; default true. Heartbeats and events are sent even without it.
   */
  readonly enableRemoteControl?: boolean;
  /** Claim nothing until `resume` is called; default false. */
  readonly startPaused?: boolean;
  /** The program that monitors show. */
  readonly software?: Software;
  /** Called once for each message that is rejected; default: does nothing. */
  readonly onReject?: (item: RejectedItem) => void;
  /** Default: no log. */
  readonly log?: WorkerLog;
}

export interface CheckedWorkerOptions {
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly prefetchMultiplier: number;
  readonly hostname: string;
  readonly acksLate: boolean;
  readonly sendEvents: boolean;
  readonly maxTasksPerChild: number | undefined;
  readonly timeLimitSeconds: number | undefined;
  readonly softTimeLimitSeconds: number | undefined;
  readonly rejectOnWorkerLost: boolean;
  readonly trackStarted: boolean;
  readonly softShutdownSeconds: number;
  readonly shutdownGraceSeconds: number | undefined;
  readonly stateFile: string | undefined;
  readonly enableRemoteControl: boolean;
  readonly startPaused: boolean;
  readonly software: Software | undefined;
  readonly onReject: (item: RejectedItem) => void;
  readonly log: WorkerLog;
}

const SILENCE: WorkerLog = { info: () => {}, warn: () => {} };

/** Fills in defaults. @throws RangeError with a one-sentence message */
export function checkWorkerOptions(options: WorkerOptions, defaultQueue: string): CheckedWorkerOptions {
  const checked = {
    queues: options.queues ?? [defaultQueue],
    concurrency: options.concurrency ?? 2,
    prefetchMultiplier: options.prefetchMultiplier ?? 1,
    hostname: options.hostname ?? `celery@${hostname()}`,
    acksLate: options.acksLate ?? true,
    sendEvents: options.sendEvents ?? true,
    maxTasksPerChild: options.maxTasksPerChild,
    timeLimitSeconds: options.timeLimitSeconds,
    softTimeLimitSeconds: options.softTimeLimitSeconds,
    rejectOnWorkerLost: options.rejectOnWorkerLost ?? false,
    trackStarted: options.trackStarted ?? false,
    softShutdownSeconds: options.softShutdownSeconds ?? 0,
    shutdownGraceSeconds: options.shutdownGraceSeconds,
    stateFile: options.stateFile,
    enableRemoteControl: options.enableRemoteControl ?? true,
    startPaused: options.startPaused ?? false,
    software: options.software,
    onReject: options.onReject ?? (() => {}),
    log: options.log ?? SILENCE,
  };
  checkCount("concurrency", checked.concurrency, 1, 1024);
  checkCount("prefetchMultiplier", checked.prefetchMultiplier, 1, 10_000);
  if (checked.maxTasksPerChild !== undefined)
    checkCount("maxTasksPerChild", checked.maxTasksPerChild, 1, 2 ** 31);
  if (checked.queues.length === 0 || checked.queues.some((queue) => queue === "")) {
    throw new RangeError("queues must contain the names of one queue or more.");
  }
  if (!/^[^\s@]+@[^\s@]+$/.test(checked.hostname)) {
    throw new RangeError(`hostname must be name@host, not ${cutText(checked.hostname, 80)}.`);
  }
  return checked;
}

function checkCount(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be a whole number from ${min} to ${max}, not ${value}.`);
}
