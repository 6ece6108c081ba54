import type { TaskMessage } from "../message.js";
import { parseDate } from "../python-date.js";
import { softTimeLimitExceeded, type TaskFailure } from "../task-errors.js";
import type { RegisteredTask, TaskContext } from "../task-registry.js";
import type { RequestInfo } from "./controlled-worker.js";

/** A task that a worker holds: a message, from its claim until it is acknowledged or put back. */
export class TaskRequest {
  readonly message: TaskMessage;
  readonly tag: string;
  readonly queue: string;
  readonly task: RegisteredTask;
  /** Whether the message has left `unacked`. */
  isAcknowledged = false;
  /** Whether other workers have taken over the message: nothing more of the task may be stored here. */
  isLost = false;
  /** How often this worker has claimed the message. */
  claims = 1;
  /** Whether the message of its retry is in the queue. */
  isSentAgain = false;
  /** Milliseconds since 1970. */
  startedAt: number | undefined;
  pid: number | undefined;
  /** Kills the task's process with a signal; set while it has one. */
  onKill: ((signal: NodeJS.Signals) => void) | undefined;
  /** The signal that ended it before it was done. */
  endedBy: NodeJS.Signals | undefined;
  readonly #controller = new AbortController();
  #end: ((failure: TaskFailure) => void) | undefined;

  constructor(message: TaskMessage, tag: string, queue: string, task: RegisteredTask) {
    this.message = message;
    this.tag = tag;
    this.queue = queue;
    this.task = task;
  }

  get id(): string {
    return this.message.headers.id;
  }

  /** Values of its stamped headers. */
  get stamps(): Readonly<Record<string, unknown>> {
    return (this.message.headers["stamps"] ?? {}) as Readonly<Record<string, unknown>>;
  }

  get retries(): number {
    return this.message.headers.retries ?? 0;
  }

  get rootId(): string {
    return this.message.headers.root_id ?? this.id;
  }

  /** When it may run, in milliseconds since 1970; undefined for now. */
  get eta(): number | undefined {
    return parseDate(this.message.headers.eta);
  }

  /** As Python shows it to tasks: with the priority, which is a separate property of the message. */
  get deliveryInfo(): RequestInfo["deliveryInfo"] {
    const { priority = 0, delivery_info: info } = this.message.properties;
    const { exchange, routing_key } = info;
    const redelivered = info.redelivered ?? this.message.headers.redelivered ?? false; // kombu 5.1 sets only the header
    return { exchange, routing_key, redelivered, priority };
  }

  isExpired(now: number): boolean {
    const expires = parseDate(this.message.headers.expires);
    return expires !== undefined && expires <= now;
  }

  /** Aborted when the task should stop; its reason says why. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks the task to stop, in its own time. */
  askToEnd(): void {
    this.#controller.abort(softTimeLimitExceeded());
  }

  /** Ends the task: its process is killed; without one, anything its handler still does is ignored. */
  end(failure: TaskFailure, signal: NodeJS.Signals = "SIGKILL"): void {
    this.endedBy = signal;
    this.#controller.abort(failure);
    this.onKill?.(signal);
    this.#end?.(failure);
  }

  /** Calls the listener when the task is ended. */
  onEnd(listener: (failure: TaskFailure) => void): void {
    this.#end = listener;
  }

  /** The handler's context, except for what cannot be sent to another process. */
  context(hostname: string): Omit<TaskContext, "signal" | "retry"> {
    const { headers, args, kwargs } = this.message;
    return {
      id: this.id,
      name: this.task.name,
      retries: this.retries,
      args,
      kwargs,
      headers,
      deliveryInfo: this.deliveryInfo,
      hostname,
    };
  }

  info(hostname: string): RequestInfo {
    const { headers, args, kwargs } = this.message;
    return {
      id: headers.id,
      name: headers.task,
      args,
      kwargs,
      hostname,
      timeStart: this.startedAt === undefined ? null : this.startedAt / 1000,
      acknowledged: this.isAcknowledged,
      deliveryInfo: this.deliveryInfo,
      workerPid: this.pid ?? null,
      stamps: this.stamps,
    };
  }
}
