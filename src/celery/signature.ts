import type { Signature } from "./message.js";

/** How a task is sent. */
export interface SendOptions {
  /** The queue; default: what the routes say, else the app's default queue. */
  readonly queue?: string | undefined;
  /** 0 to 9; 0 is served first. Default 0. */
  readonly priority?: number | undefined;
  /** Seconds to wait before the task may run. */
  readonly countdownSeconds?: number | undefined;
  /** When the task may run. */
  readonly eta?: Date | undefined;
  /** After this the task is revoked instead of run; a number is seconds from now. */
  readonly expires?: Date | number | undefined;
  /** Default: a new UUID. */
  readonly taskId?: string | undefined;
  /** Sent with the result, once the task has succeeded. */
  readonly link?: readonly Signature[] | undefined;
  /** Sent with the task's id, once it has failed. */
  readonly linkError?: readonly Signature[] | undefined;
  /** Seconds after which the task is ended. */
  readonly timeLimitSeconds?: number | undefined;
  /** Seconds after which the task is asked to end. */
  readonly softTimeLimitSeconds?: number | undefined;
  /** Store no success. */
  readonly ignoreResult?: boolean | undefined;
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

/** Tasks one after the other, each with the result of the one before as its first argument. */
export function chain(tasks: readonly Signature[]): Signature {
  return composite("chain", { tasks });
}

/** Tasks side by side. */
export function group(tasks: readonly Signature[]): Signature {
  return composite("group", { tasks });
}

/** Tasks side by side, and one that gets the list of their results. */
export function chord(header: readonly Signature[], body: Signature): Signature {
  return composite("chord", { header: group(header), body });
}

function composite(type: "chain" | "group" | "chord", kwargs: Record<string, unknown>): Signature {
  return { task: `celery.${type}`, args: [], kwargs, options: {}, subtask_type: type, immutable: false };
}

/** Options as Celery names them in signatures; what is not given is left out. */
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
