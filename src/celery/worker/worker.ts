import type { CeleryApp } from "../app.js";
import type { ClaimedMessage } from "../broker.js";
import { decodeMessage, UnreadableMessage } from "../message.js";
import { notRegistered, TaskFailure, taskRevoked } from "../task-errors.js";
import type { RegisteredTask } from "../task-registry.js";
import { ChildPool } from "./child-pool.js";
import { LamportClock } from "./clock.js";
import { Consumer } from "./consumer.js";
import { RemoteControl } from "./control.js";
import type { ControlledWorker, RequestInfo } from "./controlled-worker.js";
import { EventSender } from "./events.js";
import { execute } from "./execution.js";
import { Leases } from "./leases.js";
import { type Outcome, OutcomeRecorder } from "./outcome.js";
import { RateLimiter } from "./rate-limiter.js";
import { RevokedIds } from "./revoked-ids.js";
import { TaskRequest } from "./task-request.js";
import { type CheckedWorkerOptions, checkWorkerOptions, type WorkerOptions } from "./worker-options.js";

/** Tasks that may wait for their time in one worker; more stay in the queue. */
const MOST_SCHEDULED = 10_000;
/** Timers longer than this would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A worker: claims tasks from queues, runs so many at once, and acknowledges them when their outcome is stored. Other
 * workers, of Python or of this kind, may share the queues; what a dead one held is run by another.
 */
export class CeleryWorker implements ControlledWorker {
  readonly hostname: string;
  /** Resolves when the worker has ended. */
  readonly finished: Promise<void>;
  readonly #app: CeleryApp;
  readonly #options: CheckedWorkerOptions;
  readonly #clock = new LamportClock();
  readonly #events: EventSender;
  readonly #control: RemoteControl;
  readonly #consumer: Consumer;
  readonly #leases: Leases;
  readonly #recorder: OutcomeRecorder;
  readonly #children: ChildPool;
  readonly #revoked = new RevokedIds();
  readonly #limiters = new Map<string, RateLimiter>();
  readonly #limits = new Map<string, { hard: number | null; soft: number | null }>();
  /** Held messages by delivery tag, until they are acknowledged or put back. */
  readonly #held = new Map<string, TaskRequest>();
  readonly #scheduled = new Map<TaskRequest, NodeJS.Timeout>();
  readonly #ready: TaskRequest[] = [];
  readonly #active = new Map<TaskRequest, Promise<void>>();
  readonly #totals: Record<string, number> = {};
  #concurrency: number;
  #isPaused: boolean;
  #state: "new" | "running" | "stopping" | "ended" = "new";
  #startedAt = 0;
  #rateTimer: NodeJS.Timeout | undefined;
  #onFinished: () => void = () => {};

  /** @throws RangeError for an option that is out of range */
  constructor(app: CeleryApp, options: WorkerOptions = {}) {
    this.#app = app;
    this.#options = checkWorkerOptions(options, app.defaultQueue);
    this.hostname = this.#options.hostname;
    this.#concurrency = this.#options.concurrency;
    this.#isPaused = this.#options.startPaused;
    const { broker } = app;
    this.#events = new EventSender(broker, {
      hostname: this.hostname,
      clock: this.#clock,
      enabled: this.#options.sendEvents,
      load: () => ({ active: this.#active.size, processed: this.#processed() }),
      software: this.#options.software,
    });
    this.#control = new RemoteControl(broker, this, this.#events, this.#clock);
    this.#consumer = new Consumer(
      broker,
      this.#options.queues,
      () => this.#hasRoom(),
      (message) => this.#take(message),
    );
    this.#leases = new Leases(broker, () => [...this.#held.keys()]);
    this.#recorder = new OutcomeRecorder(app, this.#events);
    this.#children = new ChildPool(this.#options.maxTasksPerChild);
    for (const task of app.tasks.values()) this.#limiters.set(task.name, new RateLimiter(task.ratePerSecond));
    this.finished = new Promise((resolve) => {
      this.#onFinished = resolve;
    });
  }

  /** Resolves once the worker consumes and answers remote control; waits for a broker that is out of reach. */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("a worker starts once");
    this.#state = "running";
    this.#startedAt = Date.now();
    await this.#app.broker.isReady();
    for (const queue of this.#options.queues) await this.#app.broker.listFor(queue, 0);
    await this.#control.start();
    this.#leases.start();
    this.#events.startHeartbeat();
    this.#events.workerOnline();
    this.#consumer.start();
  }

  /** Claims nothing more until {@link resume}; what is held goes on. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#consumer.wake();
  }

  /** Ends warmly: claims nothing more, finishes what runs, puts the rest back for others. */
  async stop(): Promise<void> {
    if (this.#state !== "running") return this.finished;
    this.#state = "stopping";
    await this.#consumer.stop();
    await this.#putBackWaiting();
    await Promise.all(this.#active.values());
    await this.#close();
  }

  /** Ends coldly: what runs is broken off and, where it is not acknowledged yet, put back for others. */
  async kill(): Promise<void> {
    if (this.#state === "new" || this.#state === "ended") return;
    this.#state = "stopping";
    await this.#consumer.stop();
    await this.#putBackWaiting();
    await this.#waitForActive(this.#options.softShutdownSeconds);
    const broken = [...this.#active.keys()];
    for (const request of broken) {
      if (!request.isAcknowledged) {
        request.isAcknowledged = true; // its outcome is no longer ours to store
        await this.#app.broker.putBack(request.tag).catch(() => {});
      }
      request.end(new TaskFailure("WorkerShutdown", [], "celery.exceptions"));
    }
    await this.#close();
  }

  async #waitForActive(seconds: number): Promise<void> {
    if (seconds <= 0 || this.#active.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, 1000 * seconds);
    });
    await Promise.race([Promise.all(this.#active.values()), waited]);
    clearTimeout(timer);
  }

  async #putBackWaiting(): Promise<void> {
    clearTimeout(this.#rateTimer);
    for (const timer of this.#scheduled.values()) clearTimeout(timer);
    const waiting = [...this.#scheduled.keys(), ...this.#ready.splice(0)];
    this.#scheduled.clear();
    // The first one last, so that it is the first one again.
    for (const request of waiting.reverse()) {
      this.#held.delete(request.tag);
      await this.#app.broker.putBack(request.tag).catch(() => {});
    }
  }

  async #close(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#leases.stop();
    this.#events.stopHeartbeat();
    await this.#events.workerOffline();
    await this.#control.stop();
    this.#children.close();
    this.#onFinished();
  }

  #hasRoom(): boolean {
    if (this.#isPaused || this.#scheduled.size >= MOST_SCHEDULED) return false;
    let unacknowledged = this.#ready.length;
    for (const request of this.#active.keys()) if (!request.isAcknowledged) unacknowledged++;
    return unacknowledged < this.prefetchCount();
  }

  #take({ tag, raw, queue }: ClaimedMessage): void {
    // Put back by others while this process stood still, and claimed again: it runs here already.
    if (this.#held.has(tag)) return;
    let request: TaskRequest;
    try {
      const message = decodeMessage(raw);
      const task = this.#app.tasks.get(message.headers.task);
      const unknown: RegisteredTask = { name: message.headers.task, parameters: [], ratePerSecond: 0 };
      request = new TaskRequest(message, tag, queue, task ?? unknown);
      this.#held.set(tag, request);
      this.#clock.forward();
      this.#events.taskReceived(message);
      if (task === undefined)
        return this.#settle(request, { kind: "failure", failure: notRegistered(unknown.name) });
    } catch (error) {
      void this.#refuse(tag, error as Error);
      return;
    }
    const eta = request.eta;
    if (eta !== undefined && eta > Date.now()) this.#schedule(request, eta);
    else this.#makeReady(request);
  }

  /** A message that cannot be read is done with: its task fails, where it is known. */
  async #refuse(tag: string, error: Error): Promise<void> {
    const { taskId, taskName } =
      error instanceof UnreadableMessage ? error : { taskId: undefined, taskName: undefined };
    this.#options.log.warn({ taskId, taskName }, `message refused: ${error.message}`);
    if (taskId !== undefined) {
      const failure = new TaskFailure(error.name, [error.message], "kombu.exceptions");
      await this.#app.backend.storeFailure({ id: taskId }, failure).catch(() => {});
    }
    await this.#app.broker.acknowledge(tag).catch(() => {});
  }

  #schedule(request: TaskRequest, eta: number): void {
    const wait = Math.min(eta - Date.now(), LONGEST_TIMER_MS);
    const timer = setTimeout(
      () => {
        this.#scheduled.delete(request);
        if (eta > Date.now()) this.#schedule(request, eta);
        else this.#makeReady(request);
      },
      Math.max(0, wait),
    );
    this.#scheduled.set(request, timer);
  }

  #makeReady(request: TaskRequest): void {
    this.#ready.push(request);
    this.#pump();
  }

  /** Starts what may start. */
  #pump(): void {
    if (this.#state !== "running") return;
    clearTimeout(this.#rateTimer);
    let pause = Number.POSITIVE_INFINITY;
    for (let n = 0; n < this.#ready.length && this.#active.size < this.#concurrency; ) {
      const request = this.#ready[n]!;
      const outcome = this.#outcomeBefore(request);
      const wait = outcome === undefined ? (this.#limiters.get(request.task.name)?.take(Date.now()) ?? 0) : 0;
      if (wait > 0) {
        pause = Math.min(pause, wait);
        n++;
        continue;
      }
      this.#ready.splice(n, 1);
      if (outcome === undefined) this.#run(request);
      else this.#settle(request, outcome);
    }
    if (pause !== Number.POSITIVE_INFINITY) this.#rateTimer = setTimeout(() => this.#pump(), pause);
  }

  /** Of tasks that are not to run any more. */
  #outcomeBefore(request: TaskRequest): Outcome | undefined {
    if (this.#revoked.has(request.id)) return { kind: "revoked", failure: taskRevoked("revoked") };
    if (request.isExpired(Date.now()))
      return { kind: "revoked", failure: taskRevoked("expired"), expired: true };
    return undefined;
  }

  /** Stores an outcome without a run. */
  #settle(request: TaskRequest, outcome: Outcome): void {
    this.#track(request, this.#record(request, outcome));
  }

  #run(request: TaskRequest): void {
    this.#track(request, this.#execute(request));
  }

  #track(request: TaskRequest, work: Promise<void>): void {
    const done = work.finally(() => {
      this.#active.delete(request);
      this.#held.delete(request.tag);
      this.#pump();
      this.#consumer.wake();
    });
    this.#active.set(request, done);
  }

  async #execute(request: TaskRequest): Promise<void> {
    const { acksLate, trackStarted, rejectOnWorkerLost } = this.#options;
    const { task } = request;
    request.startedAt = Date.now();
    request.pid = process.pid;
    if (!(task.acksLate ?? acksLate)) await this.#recorder.acknowledge(request).catch(() => {});
    this.#events.taskStarted(request.id);
    if (task.trackStarted ?? trackStarted) {
      const meta = { pid: process.pid, hostname: this.hostname };
      await this.#app.backend.storeState({ id: request.id }, "STARTED", meta).catch(() => {});
    }
    const lost = task.rejectOnWorkerLost ?? rejectOnWorkerLost;
    const outcome = await execute(request, this.#limitsOf(request), this.#children, this.hostname, lost);
    if (this.#state === "ended") return; // broken off: it has been put back
    this.#totals[task.name] = (this.#totals[task.name] ?? 0) + 1;
    await this.#record(request, outcome);
  }

  async #record(request: TaskRequest, outcome: Outcome): Promise<void> {
    try {
      await this.#recorder.record(request, outcome);
      this.#options.log.info(
        { taskId: request.id, task: request.task.name, outcome: outcome.kind },
        "task done",
      );
    } catch (error) {
      // Not acknowledged: it goes back to its queue when the lease ends.
      const reason = (error as Error).message;
      this.#options.log.warn({ taskId: request.id, task: request.task.name, reason }, "outcome not stored");
    }
  }

  #limitsOf(request: TaskRequest): { hard: number | null; soft: number | null } {
    const [hard, soft] = request.message.headers.timelimit ?? [];
    const set = this.#limits.get(request.task.name);
    const { task } = request;
    return {
      hard:
        hard ??
        (set === undefined ? (task.timeLimitSeconds ?? this.#options.timeLimitSeconds ?? null) : set.hard),
      soft:
        soft ??
        (set === undefined
          ? (task.softTimeLimitSeconds ?? this.#options.softTimeLimitSeconds ?? null)
          : set.soft),
    };
  }

  #processed(): number {
    return Object.values(this.#totals).reduce((sum, count) => sum + count, 0);
  }

  // What remote control asks and tells: see ControlledWorker.

  active(): RequestInfo[] {
    return [...this.#active.keys()].map((request) => request.info(this.hostname));
  }

  reserved(): RequestInfo[] {
    return this.#ready.map((request) => request.info(this.hostname));
  }

  scheduled(): { eta: Date; request: RequestInfo }[] {
    return [...this.#scheduled.keys()].map((request) => ({
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
    return this.#revoked.list();
  }

  totals(): Readonly<Record<string, number>> {
    return this.#totals;
  }

  pool(): { maxConcurrency: number; processes: number[] } {
    return { maxConcurrency: this.#concurrency, processes: [process.pid, ...this.#children.pids] };
  }

  prefetchCount(): number {
    return this.#concurrency * this.#options.prefetchMultiplier;
  }

  uptimeSeconds(): number {
    return Math.floor((Date.now() - this.#startedAt) / 1000);
  }

  settings(): Readonly<Record<string, unknown>> {
    const { acksLate, prefetchMultiplier, timeLimitSeconds, softTimeLimitSeconds, trackStarted } =
      this.#options;
    return {
      task_acks_late: acksLate,
      task_reject_on_worker_lost: this.#options.rejectOnWorkerLost,
      task_time_limit: timeLimitSeconds ?? null,
      task_soft_time_limit: softTimeLimitSeconds ?? null,
      task_track_started: trackStarted,
      task_default_queue: this.#app.defaultQueue,
      worker_concurrency: this.#concurrency,
      worker_prefetch_multiplier: prefetchMultiplier,
      worker_max_tasks_per_child: this.#options.maxTasksPerChild ?? null,
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
    };
  }

  revoke(taskIds: readonly string[], { terminate }: { terminate: boolean; signal: string }): void {
    for (const id of taskIds) this.#revoked.add(id);
    const ids = new Set(taskIds);
    this.#revokeHeld((request) => ids.has(request.id), terminate);
  }

  revokeByStampedHeaders(
    headers: Readonly<Record<string, readonly string[]>>,
    { terminate }: { terminate: boolean; signal: string },
  ): void {
    const wanted = Object.entries(headers);
    this.#revokeHeld((request) => {
      const stamps = (request.message.headers["stamps"] ?? {}) as Readonly<Record<string, unknown>>;
      return wanted.some(([name, values]) =>
        [stamps[name]].flat().some((value) => values.includes(String(value))),
      );
    }, terminate);
  }

  /** Ends what waits, and with `terminate` also what runs. */
  #revokeHeld(isMeant: (request: TaskRequest) => boolean, terminate: boolean): void {
    for (const [request, timer] of this.#scheduled) {
      if (!isMeant(request)) continue;
      clearTimeout(timer);
      this.#scheduled.delete(request);
      this.#settle(request, { kind: "revoked", failure: taskRevoked("revoked") });
    }
    for (const request of this.#ready.filter(isMeant)) {
      this.#ready.splice(this.#ready.indexOf(request), 1);
      this.#settle(request, { kind: "revoked", failure: taskRevoked("revoked") });
    }
    if (!terminate) return;
    for (const request of this.#active.keys()) if (isMeant(request)) request.end(taskRevoked("terminated"));
  }

  addConsumer(queue: string): void {
    this.#consumer.addQueue(queue);
  }

  cancelConsumer(queue: string): void {
    this.#consumer.removeQueue(queue);
  }

  resizePool(change: number): void {
    this.#concurrency = Math.min(1024, Math.max(1, this.#concurrency + change));
    this.#pump();
    this.#consumer.wake();
  }

  setRateLimit(task: string, perSecond: number): void {
    this.#checkKnown(task);
    this.#limiters.set(task, new RateLimiter(perSecond));
    this.#pump();
  }

  setTimeLimits(task: string, hard: number | null, soft: number | null): void {
    this.#checkKnown(task);
    this.#limits.set(task, { hard, soft });
  }

  #checkKnown(task: string): void {
    if (!this.#app.tasks.has(task)) throw new RangeError(`unknown task ${task.slice(0, 255)}`);
  }

  shutdown(): void {
    void this.stop();
  }
}
