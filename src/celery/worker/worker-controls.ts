import type { CeleryApp } from "../app.js";
import { cutText } from "../cut-text.js";
import type { Consumer } from "./consumer.js";
import type { ControlledWorker, RequestInfo, RevokeOptions } from "./controlled-worker.js";
import type { TaskRunner } from "./task-runner.js";
import type { CheckedWorkerOptions } from "./worker-options.js";

const MAX_CONCURRENCY = 1024;

/** What remote control can query and change in a worker, implemented by the worker's parts. */
export class WorkerControls implements ControlledWorker {
  readonly hostname: string;
  readonly #app: CeleryApp;
  readonly #options: CheckedWorkerOptions;
  readonly #runner: TaskRunner;
  readonly #consumer: Consumer;
  readonly #stop: () => void;
  readonly #startedAt = Date.now();

  constructor(
    app: CeleryApp,
    options: CheckedWorkerOptions,
    runner: TaskRunner,
    consumer: Consumer,
    stop: () => void,
  ) {
    this.hostname = options.hostname;
    this.#app = app;
    this.#options = options;
    this.#runner = runner;
    this.#consumer = consumer;
    this.#stop = stop;
  }

  active(): RequestInfo[] {
    return this.#runner.active.map((request) => request.info(this.hostname));
  }

  reserved(): RequestInfo[] {
    return this.#runner.ready.map((request) => request.info(this.hostname));
  }

  scheduled(): { eta: Date; request: RequestInfo }[] {
    return this.#runner.scheduled.map((request) => ({
      eta: new Date(request.eta ?? Date.now()),
      request: request.info(this.hostname),
    }));
  }

  registered(): string[] {
    return [...this.#app.tasks.keys()].sort();
  }

  queues(): string[] {
    return [...this.#consumer.queues];
  }

  revokedIds(): string[] {
    return this.#runner.revoked.list();
  }

  mergeRevoked(ids: readonly unknown[]): void {
    this.#runner.revoked.merge(ids);
  }

  totals(): Readonly<Record<string, number>> {
    return this.#runner.totals;
  }

  pool(): { maxConcurrency: number; processes: number[] } {
    return {
      maxConcurrency: this.#runner.concurrency,
      processes: [process.pid, ...this.#runner.children.pids],
    };
  }

  prefetchCount(): number {
    return this.#runner.concurrency * this.#options.prefetchMultiplier;
  }

  uptimeSeconds(): number {
    return Math.floor((Date.now() - this.#startedAt) / 1000);
  }

  settings(): Readonly<Record<string, unknown>> {
    const options = this.#options;
    return {
      task_acks_late: options.acksLate,
      task_reject_on_worker_lost: options.rejectOnWorkerLost,
      task_time_limit: options.timeLimitSeconds ?? null,
      task_soft_time_limit: options.softTimeLimitSeconds ?? null,
      task_track_started: options.trackStarted,
      task_default_queue: this.#app.defaultQueue,
      worker_concurrency: this.#runner.concurrency,
      worker_prefetch_multiplier: options.prefetchMultiplier,
      worker_max_tasks_per_child: options.maxTasksPerChild ?? null,
      result_expires: this.#app.backend.resultExpiresSeconds,
      visibility_timeout: this.#app.broker.visibilityTimeoutSeconds,
    };
  }

  brokerInfo(): Readonly<Record<string, unknown>> {
    const { host, port, db, path } = this.#app.broker.redis.options;
    return {
      hostname: host ?? path ?? null,
      port: port ?? null,
      virtual_host: String(db ?? 0),
      transport: "redis",
      userid: null,
      ssl: this.#app.broker.redis.options.tls !== undefined,
      insist: false,
      connect_timeout: (this.#app.broker.redis.options.connectTimeout ?? 0) / 1000,
      transport_options: { visibility_timeout: this.#app.broker.visibilityTimeoutSeconds },
      login_method: null,
      uri_prefix: null,
      heartbeat: 0,
      failover_strategy: "round-robin",
      alternates: [],
    };
  }

  revoke(taskIds: readonly string[], { terminate, signal }: RevokeOptions): void {
    for (const id of taskIds) this.#runner.revoked.add(id);
    const ids = new Set(taskIds);
    this.#runner.revoke(({ id }) => ids.has(id), terminate ? signal : undefined);
  }

  revokeByStampedHeaders(
    headers: Readonly<Record<string, readonly string[]>>,
    { terminate, signal }: RevokeOptions,
  ): void {
    const { revokedStamps } = this.#runner;
    revokedStamps.add(headers);
    this.#runner.revoke(({ stamps }) => revokedStamps.match(stamps), terminate ? signal : undefined);
  }

  addConsumer(queue: string): void {
    this.#consumer.addQueue(queue);
  }

  cancelConsumer(queue: string): void {
    this.#consumer.removeQueue(queue);
  }

  resizePool(change: number): void {
    const size = this.#runner.concurrency + change;
    this.#runner.concurrency = Math.min(MAX_CONCURRENCY, Math.max(1, size));
  }

  setRateLimit(task: string, perSecond: number): void {
    this.#checkKnown(task);
    this.#runner.setRateLimit(task, perSecond);
  }

  setTimeLimits(task: string, hard: number | null, soft: number | null): void {
    this.#checkKnown(task);
    this.#runner.setTimeLimits(task, { hard, soft });
  }

  #checkKnown(task: string): void {
    if (!this.#app.tasks.has(task)) throw new RangeError(`The task ${cutText(task, 255)} is not registered.`);
  }

  shutdown(): void {
    this.#stop();
  }
}
