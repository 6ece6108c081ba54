import { setTimeout as delay } from "node:timers/promises";
import type { CeleryApp } from "../app.js";
import { TaskFailure, taskRevoked } from "../task-errors.js";
import { ChildPool } from "./child-pool.js";
import type { EventSender } from "./events.js";
import { execute, limitsOf, type TimeLimits } from "./execution.js";
import { type Outcome, OutcomeRecorder } from "./outcome.js";
import { RateLimiter } from "./rate-limiter.js";
import { RevokedIds } from "./revoked-ids.js";
import { RevokedStamps } from "./revoked-stamps.js";
import type { TaskRequest } from "./task-request.js";
import type { CheckedWorkerOptions } from "./worker-options.js";

/** The most tasks that may wait for their time in one worker; further ones stay in the queue. */
const MAX_SCHEDULED = 10_000;
/** Longer timers would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** The first and the longest pause between attempts to store an outcome. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** Runs the tasks that a worker holds: each at its time, up to `concurrency` at once, in order of arrival. */
export class TaskRunner {
  readonly revoked = new RevokedIds();
  readonly revokedStamps = new RevokedStamps();
  readonly children: ChildPool;
  /** Finished tasks by name. */
  readonly totals: Record<string, number> = {};
  readonly #app: CeleryApp;
  readonly #options: CheckedWorkerOptions;
  readonly #events: EventSender;
  readonly #recorder: OutcomeRecorder;
  readonly #onRoom: () => void;
  readonly #confirm: () => Promise<void>;
  readonly #limiters = new Map<string, RateLimiter>();
  readonly #limits = new Map<string, TimeLimits>();
  /** Held messages by delivery tag, until they are acknowledged or put back. */
  readonly #held = new Map<string, TaskRequest>();
  readonly #scheduled = new Map<TaskRequest, NodeJS.Timeout>();
  readonly #ready: TaskRequest[] = [];
  readonly #active = new Map<TaskRequest, Promise<void>>();
  #concurrency: number;
  readonly #ending = new AbortController();
  #isBrokenOff = false;
  #rateTimer: NodeJS.Timeout | undefined;

  /**
   * @param onRoom called when there may be room for another message
   * @param confirm called before an outcome is stored; resolves once {@link lose} was called for all lost tasks
   */
  constructor(
    app: CeleryApp,
    options: CheckedWorkerOptions,
    events: EventSender,
    onRoom: () => void,
    confirm: () => Promise<void>,
  ) {
    this.#app = app;
    this.#options = options;
    this.#events = events;
    this.#onRoom = onRoom;
    this.#confirm = confirm;
    this.#concurrency = options.concurrency;
    this.#recorder = new OutcomeRecorder(app, events);
    this.children = new ChildPool(options.maxTasksPerChild);
    for (const task of app.tasks.values()) this.#limiters.set(task.name, new RateLimiter(task.ratePerSecond));
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  set concurrency(concurrency: number) {
    this.#concurrency = concurrency;
    this.#pump();
    this.#onRoom();
  }

  get active(): TaskRequest[] {
    return [...this.#active.keys()];
  }

  get ready(): readonly TaskRequest[] {
    return this.#ready;
  }

  get scheduled(): TaskRequest[] {
    return [...this.#scheduled.keys()];
  }

  /** Tasks whose messages are not acknowledged. */
  get held(): TaskRequest[] {
    return [...this.#held.values()].filter((request) => !request.isAcknowledged);
  }

  /** Whether another message can be held; those that wait for their time do not count. */
  hasRoom(): boolean {
    if (this.#scheduled.size >= MAX_SCHEDULED) return false;
    let unacknowledged = this.#ready.length;
    for (const request of this.#active.keys()) if (!request.isAcknowledged) unacknowledged++;
    return unacknowledged < this.#concurrency * this.#options.prefetchMultiplier;
  }

  /** Counts another claim of a message, if it is held already. @returns whether it is */
  reclaim(tag: string): boolean {
    const request = this.#held.get(tag);
    if (request !== undefined) request.claims++;
    return request !== undefined;
  }

  /** Drops tasks that other workers have taken over: nothing is stored or acknowledged for them. */
  lose(requests: readonly TaskRequest[]): void {
    for (const request of requests) {
      if (request.isAcknowledged || this.#held.get(request.tag) !== request) continue;
      const details = { taskId: request.id, task: request.task.name };
      this.#options.log.warn(details, "task dropped: other workers have taken it over");
      this.#held.delete(request.tag);
      clearTimeout(this.#scheduled.get(request));
      this.#scheduled.delete(request);
      const index = this.#ready.indexOf(request);
      if (index >= 0) this.#ready.splice(index, 1);
      request.isLost = true;
      request.end(new TaskFailure("TaskRevokedError", ["taken over"], "celery.exceptions"));
    }
    this.#onRoom();
  }

  /** Accepts a task, to run it at its time. */
  add(request: TaskRequest): void {
    this.#held.set(request.tag, request);
    const outcome = this.#outcomeBefore(request);
    const eta = request.eta;
    if (outcome !== undefined) this.settle(request, outcome);
    else if (eta !== undefined && eta > Date.now()) this.#schedule(request, eta);
    else this.#makeReady(request);
  }

  /** Accepts a task that is not to run, and stores its outcome. */
  settle(request: TaskRequest, outcome: Outcome): void {
    this.#held.set(request.tag, request);
    this.#track(request, this.#record(request, outcome));
  }

  /** Starts nothing more, and puts back what has not started. */
  async end(): Promise<void> {
    this.#ending.abort();
    clearTimeout(this.#rateTimer);
    for (const timer of this.#scheduled.values()) clearTimeout(timer);
    const waiting = [...this.#scheduled.keys(), ...this.#ready.splice(0)];
    this.#scheduled.clear();
    // The first one goes last, so that it is first in the queue again.
    for (const request of waiting.reverse()) {
      this.#held.delete(request.tag);
      await this.#app.broker.putBack(request.tag).catch(() => {}); // its lease will expire
    }
  }

  /** Resolves when no task is running. */
  async finishActive(): Promise<void> {
    await Promise.all(this.#active.values());
  }

  /** Aborts running tasks; those that are not acknowledged return to the queue for others. */
  async breakOff(): Promise<void> {
    this.#isBrokenOff = true;
    const active = this.active;
    for (const request of active) request.end(new TaskFailure("WorkerShutdown", [], "celery.exceptions"));
    for (const request of active) {
      if (!request.isAcknowledged) await this.#app.broker.putBack(request.tag).catch(() => {});
    }
  }

  /** Revokes tasks that wait and, if a signal is given, terminates those that run. */
  revoke(isMeant: (request: TaskRequest) => boolean, signal: NodeJS.Signals | undefined): void {
    for (const [request, timer] of this.#scheduled) {
      if (!isMeant(request)) continue;
      clearTimeout(timer);
      this.#scheduled.delete(request);
      this.settle(request, { kind: "revoked", failure: taskRevoked("revoked") });
    }
    for (const request of this.#ready.filter(isMeant)) {
      this.#ready.splice(this.#ready.indexOf(request), 1);
      this.settle(request, { kind: "revoked", failure: taskRevoked("revoked") });
    }
    if (signal === undefined) return;
    for (const request of this.active) if (isMeant(request)) request.end(taskRevoked("terminated"), signal);
  }

  setRateLimit(task: string, perSecond: number): void {
    this.#limiters.set(task, new RateLimiter(perSecond));
    this.#pump();
  }

  setTimeLimits(task: string, limits: TimeLimits): void {
    this.#limits.set(task, limits);
  }

  #schedule(request: TaskRequest, eta: number): void {
    const wait = Math.min(Math.max(0, eta - Date.now()), MAX_TIMER_MS);
    const timer = setTimeout(() => {
      this.#scheduled.delete(request);
      if (eta > Date.now()) this.#schedule(request, eta);
      else this.#makeReady(request);
    }, wait);
    this.#scheduled.set(request, timer);
  }

  #makeReady(request: TaskRequest): void {
    this.#ready.push(request);
    this.#pump();
  }

  /** Starts every task that may start. */
  #pump(): void {
    if (this.#ending.signal.aborted) return;
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
      if (outcome === undefined) this.#track(request, this.#run(request));
      else this.settle(request, outcome);
    }
    if (pause !== Number.POSITIVE_INFINITY) this.#rateTimer = setTimeout(() => this.#pump(), pause);
  }

  /** The outcome of a task that is not to run any more. */
  #outcomeBefore(request: TaskRequest): Outcome | undefined {
    if (this.revoked.has(request.id) || this.revokedStamps.match(request.stamps)) {
      return { kind: "revoked", failure: taskRevoked("revoked") };
    }
    if (!request.isExpired(Date.now())) return undefined;
    return { kind: "revoked", failure: taskRevoked("expired"), expired: true };
  }

  #track(request: TaskRequest, work: Promise<void>): void {
    const done = work
      .catch((error) => this.#warn(request, error, "task not settled"))
      .finally(() => {
        this.#active.delete(request);
        if (this.#held.get(request.tag) === request) this.#held.delete(request.tag);
        this.#pump();
        this.#onRoom();
      });
    this.#active.set(request, done);
  }

  async #run(request: TaskRequest): Promise<void> {
    const { acksLate, trackStarted, rejectOnWorkerLost, hostname } = this.#options;
    const { task } = request;
    request.startedAt = Date.now();
    request.pid = process.pid;
    if (!(task.acksLate ?? acksLate)) await this.#recorder.acknowledge(request).catch(() => {});
    this.#events.taskStarted(request.id);
    if (task.trackStarted ?? trackStarted) {
      const meta = { pid: process.pid, hostname };
      await this.#app.backend.storeState({ id: request.id }, "STARTED", meta).catch(() => {});
    }
    if (request.isLost) return;
    const isRejected = task.rejectOnWorkerLost ?? rejectOnWorkerLost;
    const limits = limitsOf(request, this.#limits.get(task.name), this.#options);
    const outcome = await execute(request, limits, this.children, hostname, isRejected);
    if (!request.isAcknowledged && !request.isLost) await this.#confirm().catch(() => {});
    if (this.#isBrokenOff || request.isLost) return; // it was put back, or taken over
    this.totals[task.name] = (this.totals[task.name] ?? 0) + 1;
    await this.#record(request, outcome);
  }

  async #record(request: TaskRequest, outcome: Outcome): Promise<void> {
    const { log } = this.#options;
    for (let attempt = 0; !this.#isBrokenOff && !request.isLost; attempt++) {
      // While the worker is stopping, there is one last attempt. If it fails, an unacknowledged task returns to the
      // queue when its lease ends.
      const isLast = this.#ending.signal.aborted;
      try {
        const kind = await this.#recorder.record(request, outcome);
        log.info({ taskId: request.id, task: request.task.name, outcome: kind }, "task done");
        return;
      } catch (error) {
        this.#warn(request, error, "outcome not stored");
      }
      if (isLast) return;
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10), MAX_PAUSE_MS);
      await delay(pauseMs, undefined, { signal: this.#ending.signal }).catch(() => {});
    }
  }

  #warn(request: TaskRequest, error: unknown, message: string): void {
    const details = { taskId: request.id, task: request.task.name, reason: (error as Error).message };
    this.#options.log.warn(details, message);
  }
}
