import { hostname } from "node:os";
import type { Software } from "./node-info.js";

/** What a worker says of its work; pino's and the console's methods fit. */
export interface WorkerLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface WorkerOptions {
  /** Queues to consume; default: the app's default queue. */
  readonly queues?: readonly string[] | undefined;
  /** Tasks at once, 1 to 1,024; default 2. */
  readonly concurrency?: number | undefined;
  /** Messages held for each of them; default 1. */
  readonly prefetchMultiplier?: number | undefined;
  /** `name@host`; default `celery@` and the host's name. */
  readonly hostname?: string | undefined;
  /** Acknowledge after the work, so that a death loses nothing; default true (Python's is false). */
  readonly acksLate?: boolean | undefined;
  /** Send events about tasks; default true. */
  readonly sendEvents?: boolean | undefined;
  /** Tasks after which a task process is replaced; default: never. */
  readonly maxTasksPerChild?: number | undefined;
  /** Seconds after which a task is ended; default: none. */
  readonly timeLimitSeconds?: number | undefined;
  /** Seconds after which a task is asked to end; default: none. */
  readonly softTimeLimitSeconds?: number | undefined;
  /** Whether a task goes back to its queue when its process dies; default false. */
  readonly rejectOnWorkerLost?: boolean | undefined;
  /** Store the state STARTED; default false. */
  readonly trackStarted?: boolean | undefined;
  /** Seconds that a cold shutdown first waits for tasks; default 0. */
  readonly softShutdownSeconds?: number | undefined;
  /** Claim nothing until `resume` is called; default false. */
  readonly startPaused?: boolean | undefined;
  /** The program that monitors see. */
  readonly software?: Software | undefined;
  /** Default: says nothing. */
  readonly log?: WorkerLog | undefined;
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
  readonly startPaused: boolean;
  readonly software: Software | undefined;
  readonly log: WorkerLog;
}

const SILENCE: WorkerLog = { info: () => {}, warn: () => {} };

/** Fills in defaults. @throws RangeError in one sentence */
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
    startPaused: options.startPaused ?? false,
    software: options.software,
    log: options.log ?? SILENCE,
  };
  checkCount("concurrency", checked.concurrency, 1, 1024);
  checkCount("prefetchMultiplier", checked.prefetchMultiplier, 1, 10_000);
  if (checked.maxTasksPerChild !== undefined)
    checkCount("maxTasksPerChild", checked.maxTasksPerChild, 1, 2 ** 31);
  if (checked.queues.length === 0 || checked.queues.some((queue) => queue === "")) {
    throw new RangeError("queues: expected the name of one queue or more");
  }
  if (!/^[^\s@]+@[^\s@]+$/.test(checked.hostname)) {
    throw new RangeError(`hostname: expected name@host, got ${checked.hostname.slice(0, 80)}`);
  }
  return checked;
}

function checkCount(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new RangeError(`${name}: expected a whole number from ${least} to ${most}, got ${value}`);
}
