import { setTimeout as delay } from "node:timers/promises";
import type { CeleryApp } from "../app.js";
import type { ClaimedMessage, RejectedItem } from "../claimed-message.js";
import { cutText } from "../cut-text.js";
import { decodeMessage, unreadableTask } from "../decode-message.js";
import type { TaskMessage } from "../message.js";
import { UnreadableMessage } from "../read-envelope.js";
import { notRegistered, TaskFailure } from "../task-errors.js";
import { LamportClock } from "./clock.js";
import { Consumer } from "./consumer.js";
import { RemoteControl } from "./control.js";
import { EventSender } from "./events.js";
import { Leases } from "./leases.js";
import { mingle } from "./mingle.js";
import { StateFile } from "./state-file.js";
import { TaskRequest } from "./task-request.js";
import { TaskRunner } from "./task-runner.js";
import { UnservedLists } from "./unserved-lists.js";
import { WorkerControls } from "./worker-controls.js";
import { type CheckedWorkerOptions, checkWorkerOptions, type WorkerOptions } from "./worker-options.js";

/** How long a stopping worker waits for a response of the broker before it sends a ping, and then for the ping. */
const BROKER_PATIENCE_MS = 2000;

/**
 * A worker: claims tasks from queues, runs up to `concurrency` at once, and acknowledges them when their outcome is
 * stored. Other workers, Python's or ours, may share the queues; the tasks of a dead worker are run by another.
 */
export class CeleryWorker {
  /** Resolves when the worker has stopped. */
  readonly finished: Promise<void>;
  readonly #app: CeleryApp;
  readonly #options: CheckedWorkerOptions;
  readonly #clock = new LamportClock();
  readonly #events: EventSender;
  readonly #runner: TaskRunner;
  readonly #consumer: Consumer;
  readonly #leases: Leases;
  readonly #control: RemoteControl | undefined;
  readonly #stateFile: StateFile | undefined;
  readonly #unserved: UnservedLists;
  #isPaused: boolean;
  #isBrokerSilent = false;
  #state: "new" | "running" | "ending" | "ended" = "new";
  #onFinished: () => void = () => {};

  /** @throws RangeError for an option out of range; TypeError for a state file that cannot be read or written */
  constructor(app: CeleryApp, options: WorkerOptions = {}) {
    this.#app = app;
    this.#options = checkWorkerOptions(options, app.defaultQueue);
    this.#isPaused = this.#options.startPaused;
    const { hostname, sendEvents, software, queues } = this.#options;
    this.#events = new EventSender(app.broker, {
      hostname,
      clock: this.#clock,
      enabled: sendEvents,
      load: () => ({ active: this.#runner.active.length, processed: this.processed }),
      software,
    });
    this.#runner = new TaskRunner(
      app,
      this.#options,
      this.#events,
      () => this.#consumer.wake(),
      () => this.#leases.confirm(),
    );
    this.#consumer = new Consumer(
      app.broker,
      queues,
      () => !this.#isPaused && this.#runner.hasRoom(),
      (message) => this.#take(message),
    );
    this.#leases = new Leases(app.broker, this.#runner, this.#options.log);
    const controls = new WorkerControls(
      app,
      this.#options,
      this.#runner,
      this.#consumer,
      () => void this.stop(),
    );
    const { stateFile, enableRemoteControl, log } = this.#options;
    this.#unserved = new UnservedLists(app.broker, () => this.#consumer.queues, log);
    if (enableRemoteControl)
      this.#control = new RemoteControl(app.broker, controls, this.#events, this.#clock);
    if (stateFile !== undefined) {
      this.#stateFile = new StateFile(stateFile, this.#runner.revoked, this.#clock, log);
    }
    this.finished = new Promise((resolve) => {
      this.#onFinished = resolve;
    });
  }

  /** `name@host`. */
  get hostname(): string {
    return this.#options.hostname;
  }

  /** The number of tasks that have been run. */
  get processed(): number {
    return Object.values(this.#runner.totals).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves once the worker consumes and answers remote control; waits for a broker that is unreachable. */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("A worker can be started only once.");
    this.#state = "running";
    this.#app.broker.onReject = (item) => this.#reject(item);
    await this.#app.broker.isReady();
    for (const queue of this.#options.queues) await this.#app.broker.listFor(queue, 0);
    if (this.#state !== "running") return; // asked to stop meanwhile
    await this.#control?.start();
    if (this.#state !== "running") return this.#control?.stop();
    await this.#leases.start();
    if (this.#state !== "running") return this.#leases.stop();
    const { hostname, enableRemoteControl } = this.#options;
    const revoked = enableRemoteControl ? this.#runner.revoked : undefined;
    await mingle(this.#app.broker, hostname, this.#clock, revoked);
    if (this.#state !== "running") return; // stopped meanwhile
    this.#events.startHeartbeat();
    this.#events.workerOnline();
    this.#unserved.start();
    this.#consumer.start();
  }

  /** Claims nothing more until {@link resume}; held tasks continue. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#consumer.wake();
  }

  /**
   * Milliseconds for which the loop that claims messages has been stalled: see {@link Consumer.standstillMs}. More than
   * a minute means that something is wrong with this process.
   */
  get standstillMs(): number {
    return this.#consumer.standstillMs;
  }

  /**
   * Stops warmly: claims nothing more, finishes running tasks, and puts the rest back for others. After the grace
   * period, if there is one, it stops coldly.
   */
  async stop(): Promise<void> {
    if (this.#state !== "running") return this.#state === "ending" ? this.finished : undefined;
    this.#state = "ending";
    await this.#stopTaking();
    const { shutdownGraceSeconds } = this.#options;
    const finished = this.#runner.finishActive();
    if (shutdownGraceSeconds === undefined) await finished;
    else if (!(await within(1000 * shutdownGraceSeconds, finished))) return this.kill();
    await this.#close();
  }

  /** Stops coldly, even during {@link stop}: running tasks are aborted, and return unless they are acknowledged. */
  async kill(): Promise<void> {
    if (this.#state === "new" || this.#state === "ended") return;
    this.#state = "ending";
    await this.#stopTaking();
    const { softShutdownSeconds } = this.#options;
    if (softShutdownSeconds > 0) await within(1000 * softShutdownSeconds, this.#runner.finishActive());
    await this.#whileBrokerAnswers(this.#runner.breakOff());
    await this.#close();
  }

  /** Claims nothing more, and puts back what has not started. */
  async #stopTaking(): Promise<void> {
    await this.#whileBrokerAnswers(this.#consumer.stop());
    await this.#whileBrokerAnswers(this.#runner.end());
  }

  /** Waits for work that needs the broker, unless the broker is silent: a worker must stop even then. */
  async #whileBrokerAnswers(work: Promise<void>): Promise<void> {
    while (!(await within(this.#isBrokerSilent ? 0 : BROKER_PATIENCE_MS, work))) {
      this.#isBrokerSilent ||= !(await within(BROKER_PATIENCE_MS, this.#app.broker.isReady()));
      if (this.#isBrokerSilent) return;
    }
  }

  async #close(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#unserved.stop();
    this.#events.stopHeartbeat();
    await Promise.all([this.#leases.stop(), this.#events.workerOffline()]);
    await this.#control?.stop();
    await this.#stateFile?.close();
    this.#runner.children.close();
    this.#onFinished();
  }

  #take(claimed: ClaimedMessage): void {
    const { tag, raw, queue } = claimed;
    // Put back by others while this process was paused, and claimed again: it is already held here.
    if (this.#runner.reclaim(tag)) return;
    let message: TaskMessage;
    try {
      const { broker } = this.#app;
      const { taskId, taskName, byteLength } = claimed;
      if (raw === undefined)
        throw new UnreadableMessage(broker.tooLarge(byteLength), "DecodeError", taskId, taskName);
      message = decodeMessage(raw, broker.maxMessageBytes);
    } catch (error) {
      this.#refuse(claimed, error);
      return;
    }
    const { task: name, id } = message.headers;
    const task = this.#app.tasks.get(name) ?? { name, parameters: [], ratePerSecond: 0 };
    const request = new TaskRequest(message, tag, queue, task);
    this.#clock.forward();
    this.#events.taskReceived(message);
    if (!this.#app.tasks.has(name)) {
      this.#runner.settle(request, { kind: "failure", failure: notRegistered(name) });
    } else if (message.problem !== undefined) {
      this.#report({ queue, reason: message.problem.message, taskId: id, taskName: name });
      this.#runner.settle(request, { kind: "failure", failure: message.problem });
    } else this.#runner.add(request);
  }

  /** Rejects a message that cannot be read: its task fails, if it is known. */
  #refuse({ tag, queue }: ClaimedMessage, error: unknown): void {
    const { message: reason } = error as Error;
    const { taskId, taskName, type } =
      error instanceof UnreadableMessage
        ? error
        : { taskId: undefined, taskName: undefined, type: undefined };
    this.#report({ queue, reason, taskId, taskName });
    if (taskId === undefined) {
      this.#app.broker.acknowledge(tag).catch(() => {}); // otherwise it is delivered and refused again
      return;
    }
    const task = { name: taskName ?? "unknown", parameters: [], ratePerSecond: 0 };
    const request = new TaskRequest(unreadableTask(taskId, taskName, tag), tag, queue, task);
    const failure = new TaskFailure(type ?? "DecodeError", [reason], MODULES[type ?? "DecodeError"]);
    this.#runner.settle(request, { kind: "failure", failure });
  }

  /** An item that is not a message will be moved aside: its task fails, if it can be identified. */
  async #reject(item: RejectedItem): Promise<void> {
    const { reason, taskId } = item;
    if (taskId !== undefined) {
      const failure = new TaskFailure("DecodeError", [reason], MODULES.DecodeError);
      await this.#app.backend.storeFailure({ id: taskId }, failure);
    }
    this.#report(item);
  }

  #report(item: RejectedItem): void {
    const { queue, reason, taskId, taskName } = item;
    const shown = { queue, taskId: shorten(taskId), task: shorten(taskName) };
    this.#options.log.warn(shown, `message rejected: ${reason}`);
    this.#options.onReject(item);
  }
}

/** Whether work finishes in time. */
async function within(ms: number, work: Promise<void>): Promise<boolean> {
  const timer = new AbortController();
  const late = delay(ms, false, { ref: false, signal: timer.signal }).catch(() => false);
  return Promise.race([work.then(() => true), late]).finally(() => timer.abort());
}

/** The Python modules of the exceptions for invalid messages. */
const MODULES = {
  DecodeError: "kombu.exceptions",
  ContentDisallowed: "kombu.exceptions",
  InvalidTaskError: "celery.exceptions",
} as const;

/** Shortens names that others chose, which may be long. */
function shorten(text: string | undefined): string | undefined {
  return text === undefined ? undefined : cutText(text, 255);
}
