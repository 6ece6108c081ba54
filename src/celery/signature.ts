import type { Signature } from "./message.js";

/** How to send a task. */
export interface SendOptions {
  /** The queue; default: the routed one, else the app's default queue. */
  readonly queue?: string;
  /** 0 to 9; 0 is served first. Default 0. */
  readonly priority?: number;
  /** Seconds to wait before the task may run. */
  readonly countdownSeconds?: number;
  /** When the task may run. */
  readonly eta?: Date;
  /** When the task expires and is revoked instead of run; a number is seconds from now. */
  readonly expires?: Date | number;
  /** Default: a new UUID. */
  readonly taskId?: string;
  /** Sent with the result once the task has succeeded. */
  readonly link?: readonly Signature[];
  /** Sent with the task's id once it has failed. */
  readonly linkError?: readonly Signature[];
  /** Seconds after which the task is terminated. */
  readonly timeLimitSeconds?: number;
  /** Seconds after which the task is asked to stop. */
  readonly softTimeLimitSeconds?: number;
  /** Do not store a successful result. */
  readonly ignoreResult?: boolean;
}

/** A task to run later. */
export function signature(
  task: string,
  args: readonly unknown[] = [],
  kwargs: Readonly<Record<string, unknown>> = {},
  options: SendOptions & { readonly immutable?: boolean } = {},
): Signature {
  return {
    task,
    args,
    kwargs,
    options: toCeleryOptions(options),
    subtask_type: null,
    immutable: options.immutable ?? false,
  };
}

/** Tasks that run one after the other, each with the previous result as its first argument. */
export function chain(tasks: readonly Signature[]): Signature {
  return composite("chain", { tasks });
}

/** Tasks that run in parallel. */
export function group(tasks: readonly Signature[]): Signature {
  return composite("group", { tasks });
}

/** Tasks that run in parallel, and one that receives the list of their results. */
export function chord(header: readonly Signature[], body: Signature): Signature {
  return composite("chord", { header: group(header), body });
}

function composite(type: "chain" | "group" | "chord", kwargs: Record<string, unknown>): Signature {
  return { task: `celery.${type}`, args: [], kwargs, options: {}, subtask_type: type, immutable: false };
}

/** Options under the names that Celery uses in signatures; those that are not given are omitted. */
export function toCeleryOptions(options: SendOptions): Record<string, unknown> {
  const named: Record<string, unknown> = {
    queue: options.queue,
    priority: options.priority,
    countdown: options.countdownSeconds,
    eta: options.eta?.toISOString(),
    expires: options.expires instanceof Date ? options.expires.toISOString() : options.expires,
    task_id: options.taskId,
    link: options.link,
    link_error: options.linkError,
    time_limit: options.timeLimitSeconds,
    soft_time_limit: options.softTimeLimitSeconds,
    ignore_result: options.ignoreResult,
  };
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined));
}
