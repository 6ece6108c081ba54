import type { TaskMessage } from "../message.js";
import { parseDate } from "../python-date.js";
import { softTimeLimitExceeded, type TaskFailure } from "../task-errors.js";
import type { RegisteredTask, TaskContext } from "../task-registry.js";
import type { RequestInfo } from "./controlled-worker.js";

/** A task that a worker holds: a message that it has claimed, from then until it is acknowledged or put back. */
export class TaskRequest {
  readonly message: TaskMessage;
  readonly tag: string;
  readonly queue: string;
  readonly task: RegisteredTask;
  /** Whether the message is out of `unacked`. */
  isAcknowledged = false;
  /** Milliseconds since 1970. */
  startedAt: number | undefined;
  pid: number | undefined;
  /** Kills the task's process with a signal; set while it has one. */
  onKill: ((signal: NodeJS.Signals) => void) | undefined;
  /** What ended it before it was done. */
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

  /** As Python shows it to tasks: with the priority, which the message has beside it. */
  get deliveryInfo(): RequestInfo["deliveryInfo"] {
    const { priority = 0, delivery_info: info } = this.message.properties;
    const { exchange, routing_key } = info;
    const redelivered = info.redelivered ?? this.message.headers.redelivered ?? false; // kombu 5.1 sets the header alone
    return { exchange, routing_key, redelivered, priority };
  }

  isExpired(now: number): boolean {
    const expires = parseDate(this.message.headers.expires);
    return expires !== undefined && expires <= now;
  }

  /** Aborted when the task should end; its reason says why. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Asks the task to end, which it may take its time for. */
  askToEnd(): void {
    this.#controller.abort(softTimeLimitExceeded());
  }

  /** Ends the task: its process is killed, and what a handler without one still does is ignored. */
  end(failure: TaskFailure, signal: NodeJS.Signals = "SIGKILL"): void {
    this.endedBy = signal;
    this.#controller.abort(failure);
    this.onKill?.(signal);
    this.#end?.(failure);
  }

  /** Whoever runs the task hears here that it was ended. */
  onEnd(listener: (failure: TaskFailure) => void): void {
    this.#end = listener;
  }

  /** What a handler knows of its call, but for what cannot be sent to another process. */
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
