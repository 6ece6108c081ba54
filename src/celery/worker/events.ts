import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { CeleryBroker } from "../broker.js";
import { encodeMessage, type MessageHeaders, type TaskMessage } from "../message.js";
import { formatDate } from "../python-date.js";
import { pythonRepr } from "../python-repr.js";
import { failureRepr, type TaskFailure } from "../task-errors.js";
import type { LamportClock } from "./clock.js";
import { DEFAULT_SOFTWARE, loadAverages, type Software, systemName, utcOffsetHours } from "./node-info.js";

/** What heartbeats report of a worker's load. */
export interface WorkerLoad {
  /** Tasks that are running. */
  readonly active: number;
  /** Tasks finished since the worker started. */
  readonly processed: number;
}

export interface EventSenderOptions {
  /** The node's name, `name@host`. */
  readonly hostname: string;
  readonly clock: LamportClock;
  /** Whether task events are sent from the start, as with Celery's `-E`; worker events always are. */
  readonly enabled: boolean;
  /** Seconds between heartbeats; default 2, 0 for no worker events. */
  readonly heartbeatSeconds?: number;
  /** Called for each heartbeat; without it, heartbeats report 0. */
  readonly load?: () => WorkerLoad;
  /** The program named in heartbeats. */
  readonly software?: Software;
}

/** Where a task was sent. */
export interface SentTo {
  readonly queue: string;
  readonly exchange: string;
  readonly routingKey: string;
}

const EXCHANGE = "celeryev";
/** Events that the server has not accepted yet; further ones are dropped. */
const MAX_PENDING = 1000;
/** How long a stopping worker waits for the server. */
const FAREWELL_MS = 1000;

/**
 * Publishes events about tasks and the worker for monitors. Events are news, not records: while the server is
 * unreachable they are dropped, and no error in this class is ever thrown.
 */
export class EventSender {
  readonly software: Software;
  readonly heartbeatSeconds: number;
  readonly #broker: CeleryBroker;
  readonly #hostname: string;
  readonly #clock: LamportClock;
  readonly #load: () => WorkerLoad;
  #isEnabled: boolean;
  #isOnline = false;
  #underWay = 0;
  #heartbeat: NodeJS.Timeout | undefined;

  /** @throws RangeError if `heartbeatSeconds` is not between 0 and 86,400 */
  constructor(broker: CeleryBroker, options: EventSenderOptions) {
    const { heartbeatSeconds = 2 } = options;
    if (!(heartbeatSeconds >= 0 && heartbeatSeconds <= 86_400)) {
      throw new RangeError(`heartbeatSeconds must be a number from 0 to 86,400, not ${heartbeatSeconds}.`);
    }
    this.#broker = broker;
    this.#hostname = options.hostname;
    this.#clock = options.clock;
    this.#isEnabled = options.enabled;
    this.#load = options.load ?? (() => ({ active: 0, processed: 0 }));
    this.heartbeatSeconds = heartbeatSeconds;
    this.software = options.software ?? DEFAULT_SOFTWARE;
  }

  /** Whether task events are sent. */
  get isEnabled(): boolean {
    return this.#isEnabled;
  }

  enable(): void {
    this.#isEnabled = true;
  }

  disable(): void {
    this.#isEnabled = false;
  }

  workerOnline(): void {
    this.#isOnline = false;
    this.workerHeartbeat();
  }

  /** Resolves when the server has received the event, after a second at the latest. */
  async workerOffline(): Promise<void> {
    await Promise.race([this.#sendLoad("worker-offline"), delay(FAREWELL_MS, undefined, { ref: false })]);
    this.#isOnline = false;
  }

  /** Sends a heartbeat; the first one that reaches the server announces that the worker is online. */
  workerHeartbeat(): void {
    void this.#sendLoad(this.#isOnline ? "worker-heartbeat" : "worker-online");
  }

  startHeartbeat(): void {
    if (this.#heartbeat !== undefined || this.heartbeatSeconds === 0) return;
    this.#heartbeat = setInterval(() => this.workerHeartbeat(), this.heartbeatSeconds * 1000).unref();
  }

  stopHeartbeat(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }

  taskSent(headers: MessageHeaders, { queue, exchange, routingKey }: SentTo): void {
    this.#sendOfTask("task-sent", headers.id, () => ({
      ...describe(headers),
      args: headers.argsrepr ?? "()",
      kwargs: headers.kwargsrepr ?? "{}",
      queue,
      exchange,
      routing_key: routingKey,
    }));
  }

  taskReceived({ headers, args, kwargs }: TaskMessage): void {
    this.#sendOfTask("task-received", headers.id, () => ({
      ...describe(headers),
      args: headers.argsrepr ?? pythonRepr(args),
      kwargs: headers.kwargsrepr ?? pythonRepr(kwargs),
    }));
  }

  taskStarted(taskId: string): void {
    this.#sendOfTask("task-started", taskId, () => ({}));
  }

  taskSucceeded(taskId: string, result: unknown, runtimeSeconds: number): void {
    this.#sendOfTask("task-succeeded", taskId, () => ({
      result: pythonRepr(result),
      runtime: runtimeSeconds,
    }));
  }

  taskFailed(taskId: string, failure: TaskFailure): void {
    this.#sendOfTask("task-failed", taskId, () => describeFailure(failure));
  }

  taskRetried(taskId: string, failure: TaskFailure): void {
    this.#sendOfTask("task-retried", taskId, () => describeFailure(failure));
  }

  /** @param how `signum`: the number of the signal that terminated a running task; null if none did */
  taskRevoked(
    taskId: string,
    how: { readonly terminated: boolean; readonly signum: number | null; readonly expired: boolean },
  ): void {
    const { terminated, signum, expired } = how;
    this.#sendOfTask("task-revoked", taskId, () => ({ terminated, signum, expired }));
  }

  taskRejected(taskId: string, requeue: boolean): void {
    this.#sendOfTask("task-rejected", taskId, () => ({ requeue }));
  }

  #sendOfTask(type: string, taskId: string, fields: () => Readonly<Record<string, unknown>>): void {
    if (this.#isEnabled) void this.#send(type, () => ({ uuid: taskId, ...fields() }));
  }

  async #sendLoad(type: string): Promise<void> {
    if (this.heartbeatSeconds === 0) return;
    const isSent = await this.#send(type, () => ({
      freq: this.heartbeatSeconds,
      ...this.#load(),
      loadavg: loadAverages(),
      sw_ident: this.software.name,
      sw_ver: this.software.version,
      sw_sys: systemName(),
    }));
    if (type === "worker-online") this.#isOnline = isSent;
  }

  /**
   * Sends an event; resolves with whether the server accepted it. The event is on its way before this returns, so that
   * events keep their order.
   *
   * @param fields called only if the event is sent; errors in it are not thrown either
   */
  async #send(type: string, fields: () => Readonly<Record<string, unknown>>): Promise<boolean> {
    const { redis, keys } = this.#broker;
    if (redis.status !== "ready" || this.#underWay >= MAX_PENDING) return false;
    this.#underWay++;
    try {
      const routingKey = type.replaceAll("-", ".");
      const message = this.#encode(type, routingKey, fields());
      await Promise.all(keys.event(routingKey).map((channel) => redis.publish(channel, message)));
      return true;
    } catch {
      return false;
    } finally {
      this.#underWay--;
    }
  }

  #encode(type: string, routingKey: string, fields: Readonly<Record<string, unknown>>): string {
    const now = new Date();
    const body = {
      ...fields,
      type,
      hostname: this.#hostname,
      timestamp: now.getTime() / 1000,
      utcoffset: utcOffsetHours(now),
      pid: process.pid,
      clock: this.#clock.forward(),
    };
    const properties = {
      delivery_mode: 1,
      delivery_info: { exchange: EXCHANGE, routing_key: routingKey },
      priority: 0,
      delivery_tag: randomUUID(),
    };
    return encodeMessage({ hostname: this.#hostname }, properties, body);
  }
}

function describe(headers: MessageHeaders): Readonly<Record<string, unknown>> {
  return {
    name: headers.task,
    root_id: headers.root_id ?? null,
    parent_id: headers.parent_id ?? null,
    retries: headers.retries ?? 0,
    eta: headers.eta ?? null,
    expires:
      typeof headers.expires === "number"
        ? formatDate(new Date(headers.expires * 1000))
        : (headers.expires ?? null),
  };
}

function describeFailure(failure: TaskFailure): Readonly<Record<string, unknown>> {
  return {
    exception: failureRepr(failure),
    traceback: failure.stack ?? "",
  };
}
