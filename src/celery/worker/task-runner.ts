import type { CeleryApp } from "../app.js";
import { TaskFailure, taskRevoked } from "../task-errors.js";
import { ChildPool } from "./child-pool.js";
import type { EventSender } from "./events.js";
import { execute, type TimeLimits } from "./execution.js";
import { type Outcome, OutcomeRecorder } from "./outcome.js";
import { RateLimiter } from "./rate-limiter.js";
import { RevokedIds } from "./revoked-ids.js";
import { RevokedStamps } from "./revoked-stamps.js";
import type { TaskRequest } from "./task-request.js";
import type { CheckedWorkerOptions } from "./worker-options.js";

/** Tasks that may wait for their time in one worker; more stay in the queue. */
const MOST_SCHEDULED = 10_000;
/** Timers longer than this would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Runs the tasks that a worker holds: each at its time, so many at once, in the order in which they came. */
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
  readonly #limiters = new Map<string, RateLimiter>();
  readonly #limits = new Map<string, TimeLimits>();
  /** Held messages by delivery tag, until they are acknowledged or put back. */
  readonly #held = new Map<string, TaskRequest>();
  readonly #scheduled = new Map<TaskRequest, NodeJS.Timeout>();
  readonly #ready: TaskRequest[] = [];
  readonly #active = new Map<TaskRequest, Promise<void>>();
  #concurrency: number;
  #isEnding = false;
  #isBrokenOff = false;
  #rateTimer: NodeJS.Timeout | undefined;

  /** @param onRoom called when there may be room for another message */
  constructor(app: CeleryApp, options: CheckedWorkerOptions, events: EventSender, onRoom: () => void) {
    this.#app = app;
    this.#options = options;
    this.#events = events;
    this.#onRoom = onRoom;
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

  /** Delivery tags of all held messages. */
  get heldTags(): string[] {
    return [...this.#held.keys()];
  }

  /** Whether another message can be held; those that wait for their time do not count. */
  hasRoom(): boolean {
    if (this.#scheduled.size >= MOST_SCHEDULED) return false;
    let unacknowledged = this.#ready.length;
    for (const request of this.#active.keys()) if (!request.isAcknowledged) unacknowledged++;
    return unacknowledged < this.#concurrency * this.#options.prefetchMultiplier;
  }

  holds(tag: string): boolean {
    return this.#held.has(tag);
  }

  /** Takes a task over: it runs at its time. */
  add(request: TaskRequest): void {
    this.#held.set(request.tag, request);
    const outcome = this.#outcomeBefore(request);
    const eta = request.eta;
    if (outcome !== undefined) this.settle(request, outcome);
    else if (eta !== undefined && eta > Date.now()) this.#schedule(request, eta);
    else this.#makeReady(request);
  }

  /** Takes a task over that is not to run: stores what became of it. */
  settle(request: TaskRequest, outcome: Outcome): void {
    this.#held.set(request.tag, request);
    this.#track(request, this.#record(request, outcome));
  }

  /** Starts nothing more, and puts back what has not begun. */
  async end(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#rateTimer);
    for (const timer of this.#scheduled.values()) clearTimeout(timer);
    const waiting = [...this.#scheduled.keys(), ...this.#ready.splice(0)];
    this.#scheduled.clear();
    // The first one last, so that it is the first one again.
    for (const request of waiting.reverse()) {
      this.#held.delete(request.tag);
      await this.#app.broker.putBack(request.tag).catch(() => {}); // its lease will end
    }
  }

  /** Resolves when nothing runs. */
  async finishActive(): Promise<void> {
    await Promise.all(this.#active.values());
  }

  /** Breaks off what runs; what is not acknowledged goes back for others. */
  async breakOff(): Promise<void> {
    this.#isBrokenOff = true;
    for (const request of this.active) {
      if (!request.isAcknowledged) await this.#app.broker.putBack(request.tag).catch(() => {});
      request.end(new TaskFailure("WorkerShutdown", [], "celery.exceptions"));
    }
  }

  /** Ends tasks that wait and, where a signal is given, those that run. */
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
    const wait = Math.min(Math.max(0, eta - Date.now()), LONGEST_TIMER_MS);
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

  /** Starts what may start. */
  #pump(): void {
    if (this.#isEnding) return;
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

  /** Of tasks that are not to run any more. */
  #outcomeBefore(request: TaskRequest): Outcome | undefined {
    if (this.revoked.has(request.id) || this.revokedStamps.match(request.stamps)) {
      return { kind: "revoked", failure: taskRevoked("revoked") };
    }
    if (!request.isExpired(Date.now())) return undefined;
    return { kind: "revoked", failure: taskRevoked("expired"), expired: true };
  }

  #track(request: TaskRequest, work: Promise<void>): void {
    const done = work.finally(() => {
      this.#active.delete(request);
      this.#held.delete(request.tag);
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
    const isRejected = task.rejectOnWorkerLost ?? rejectOnWorkerLost;
    const outcome = await execute(request, this.#limitsOf(request), this.children, hostname, isRejected);
    if (this.#isBrokenOff) return; // it has been put back
    this.totals[task.name] = (this.totals[task.name] ?? 0) + 1;
    await this.#record(request, outcome);
  }

  async #record(request: TaskRequest, outcome: Outcome): Promise<void> {
    const { log } = this.#options;
    const details = { taskId: request.id, task: request.task.name };
    try {
      await this.#recorder.record(request, outcome);
      log.info({ ...details, outcome: outcome.kind }, "task done");
    } catch (error) {
      // Not acknowledged: it goes back to its queue when the lease ends.
      log.warn({ ...details, reason: (error as Error).message }, "outcome not stored");
    }
  }

  /** The message's own limits, else those of remote control, the task or the worker. */
  #limitsOf(request: TaskRequest): TimeLimits {
    const [hard, soft] = request.message.headers.timelimit ?? [];
    const { task } = request;
    const usual = this.#limits.get(task.name) ?? {
      hard: task.timeLimitSeconds ?? this.#options.timeLimitSeconds ?? null,
      soft: task.softTimeLimitSeconds ?? this.#options.softTimeLimitSeconds ?? null,
    };
    return { hard: hard ?? usual.hard, soft: soft ?? usual.soft };
  }
}
