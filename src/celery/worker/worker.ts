import { setTimeout as delay } from "node:timers/promises";
import type { CeleryApp } from "../app.js";
import type { ClaimedMessage } from "../broker.js";
import { decodeMessage, type TaskMessage, UnreadableMessage } from "../message.js";
import { notRegistered, TaskFailure } from "../task-errors.js";
import { LamportClock } from "./clock.js";
import { Consumer } from "./consumer.js";
import { RemoteControl } from "./control.js";
import { EventSender } from "./events.js";
import { Leases } from "./leases.js";
import { TaskRequest } from "./task-request.js";
import { TaskRunner } from "./task-runner.js";
import { WorkerControls } from "./worker-controls.js";
import { type CheckedWorkerOptions, checkWorkerOptions, type WorkerOptions } from "./worker-options.js";

/**
 * A worker: claims tasks from queues, runs so many at once, and acknowledges them when their outcome is stored. Other
 * workers, of Python or of this kind, may share the queues; what a dead one held is run by another.
 */
export class CeleryWorker {
  /** Resolves when the worker has ended. */
  readonly finished: Promise<void>;
  readonly #app: CeleryApp;
  readonly #options: CheckedWorkerOptions;
  readonly #clock = new LamportClock();
  readonly #events: EventSender;
  readonly #runner: TaskRunner;
  readonly #consumer: Consumer;
  readonly #leases: Leases;
  readonly #control: RemoteControl;
  #isPaused: boolean;
  #state: "new" | "running" | "ending" | "ended" = "new";
  #onFinished: () => void = () => {};

  /** @throws RangeError for an option that is out of range */
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
    this.#runner = new TaskRunner(app, this.#options, this.#events, () => this.#consumer.wake());
    this.#consumer = new Consumer(
      app.broker,
      queues,
      () => !this.#isPaused && this.#runner.hasRoom(),
      (message) => this.#take(message),
    );
    this.#leases = new Leases(app.broker, () => this.#runner.heldTags);
    const controls = new WorkerControls(
      app,
      this.#options,
      this.#runner,
      this.#consumer,
      () => void this.stop(),
    );
    this.#control = new RemoteControl(app.broker, controls, this.#events, this.#clock);
    this.finished = new Promise((resolve) => {
      this.#onFinished = resolve;
    });
  }

  /** `name@host`. */
  get hostname(): string {
    return this.#options.hostname;
  }

  /** Tasks that have been run. */
  get processed(): number {
    return Object.values(this.#runner.totals).reduce((sum, count) => sum + count, 0);
  }

  /** Resolves once the worker consumes and answers remote control; waits for a broker that is out of reach. */
  async start(): Promise<void> {
    if (this.#state !== "new") throw new Error("a worker starts once");
    this.#state = "running";
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
    if (this.#state !== "running") return this.#state === "ending" ? this.finished : undefined;
    this.#state = "ending";
    await this.#consumer.stop();
    await this.#runner.end();
    await this.#runner.finishActive();
    await this.#close();
  }

  /** Ends coldly, also in the middle of {@link stop}: what runs is broken off, and goes back unless it is acknowledged. */
  async kill(): Promise<void> {
    if (this.#state === "new" || this.#state === "ended") return;
    this.#state = "ending";
    await this.#consumer.stop();
    await this.#runner.end();
    const { softShutdownSeconds } = this.#options;
    if (softShutdownSeconds > 0) {
      const waited = delay(1000 * softShutdownSeconds, undefined, { ref: false });
      await Promise.race([this.#runner.finishActive(), waited]);
    }
    await this.#runner.breakOff();
    await this.#close();
  }

  async #close(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    this.#leases.stop();
    this.#events.stopHeartbeat();
    await this.#events.workerOffline();
    await this.#control.stop();
    this.#runner.children.close();
    this.#onFinished();
  }

  #take({ tag, raw, queue }: ClaimedMessage): void {
    // Put back by others while this process stood still, and claimed again: it runs here already.
    if (this.#runner.holds(tag)) return;
    let message: TaskMessage;
    try {
      message = decodeMessage(raw);
    } catch (error) {
      void this.#refuse(tag, error as Error);
      return;
    }
    const { task: name } = message.headers;
    const task = this.#app.tasks.get(name);
    this.#clock.forward();
    this.#events.taskReceived(message);
    if (task !== undefined) {
      this.#runner.add(new TaskRequest(message, tag, queue, task));
    } else {
      const unknown = new TaskRequest(message, tag, queue, { name, parameters: [], ratePerSecond: 0 });
      this.#runner.settle(unknown, { kind: "failure", failure: notRegistered(name) });
    }
  }

  /** A message that cannot be read is done with: its task fails, where it is known. */
  async #refuse(tag: string, error: Error): Promise<void> {
    const known = error instanceof UnreadableMessage ? error : undefined;
    const details = { taskId: known?.taskId, task: known?.taskName };
    this.#options.log.warn(details, `message refused: ${error.message}`);
    if (known?.taskId !== undefined) {
      const failure = new TaskFailure(error.name, [error.message], "kombu.exceptions");
      await this.#app.backend.storeFailure({ id: known.taskId }, failure).catch(() => {});
    }
    await this.#app.broker.acknowledge(tag).catch(() => {});
  }
}
