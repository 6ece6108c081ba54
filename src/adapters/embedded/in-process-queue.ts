import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { isPermanent, ServiceError } from "../../linkage/errors.js";
import { type TaskCall, type TaskDefinition, TaskPutOff, type TaskQueue } from "../../linkage/task-queue.js";
import { FairQueue } from "./in-process/fair-queue.js";
import { type ChordPart, OpenChord } from "./in-process/open-chord.js";
import {
  DEFAULT_CLOSE_TIMEOUT_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_RETRIES,
  DEFAULT_RETRY_DELAY_MS,
  type InProcessQueueOptions,
  type TaskLoad,
} from "./in-process/queue-options.js";

interface Job {
  readonly call: TaskCall;
  readonly id: string;
  readonly load: TaskLoad;
  /** The line it waits in; see {@link lineOf}. */
  readonly line: string;
  readonly tries: number;
  readonly part?: { readonly chord: OpenChord; readonly place: ChordPart };
}

export type { InProcessQueueOptions, TaskFailureReport, TaskLoad } from "./in-process/queue-options.js";

/** Parts of a chord to read ahead. */
const PARTS_AHEAD = 4;
/** How long to wait for aborted tasks. */
const STOP_TIMEOUT_MS = 5000;

/**
 * Runs tasks in this process. The tasks of each run wait in a separate line, and the lines are served round-robin, so
 * that a small run does not wait for a large one. No run can take all slots, if there are several. Waiting tasks are
 * lost when the process ends, and must be sent again after a restart.
 */
export class InProcessQueue implements TaskQueue {
  readonly #options: InProcessQueueOptions;
  readonly #limits: Readonly<Record<TaskLoad, number>>;
  #definitions: ReadonlyMap<string, TaskDefinition> | undefined;
  readonly #lines: Readonly<Record<TaskLoad, FairQueue<Job>>> = {
    compute: new FairQueue(),
    memory: new FairQueue(),
    light: new FairQueue(),
  };
  /** Calls sent before the start, when their load is not known yet. */
  #unsorted: TaskCall[] = [];
  readonly #running = new Map<Promise<void>, { job: Job; controller: AbortController }>();
  readonly #retries = new Map<NodeJS.Timeout, Job>();
  readonly #chords = new Map<string, OpenChord>();
  /** Ids of waiting and running tasks, except parts of chords. */
  readonly #ids = new Set<string>();
  #whenIdle: (() => void)[] = [];
  #isClosing = false;

  constructor(options: InProcessQueueOptions = {}) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
  }

  /** Starts running tasks; until then they wait. Call it once. */
  start(definitions: readonly TaskDefinition[]): void {
    this.#definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    for (const call of this.#unsorted.splice(0)) this.#enqueue(call);
    for (const chord of this.#chords.values()) void this.#readOn(chord);
  }

  async send(call: TaskCall): Promise<void> {
    this.#checkOpen();
    this.#enqueue(call);
  }

  /** Resolves once the first parts are read; the others are read when there is room for them. */
  async sendChord(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    callback: TaskCall,
    id: string,
  ): Promise<void> {
    this.#checkOpen();
    if (this.#chords.has(id)) return; // already in progress
    const chord = new OpenChord(parts, callback, id);
    this.#chords.set(id, chord);
    if (this.#definitions === undefined) return;
    try {
      await this.#read(chord);
    } catch (error) {
      this.#endChord(chord);
      this.#notifyIfIdle();
      throw error;
    }
  }

  /** In this queue, callbacks always get all results. */
  async chordParts(): Promise<undefined> {}

  async forgetFirstFailures(): Promise<void> {}

  /** In this queue, what counts as failed has failed. */
  async hasChordFailed(): Promise<boolean> {
    return false;
  }

  async removeChord(): Promise<void> {}

  async cancelRun(runId: string): Promise<void> {
    const line = lineOf({ run_id: runId });
    for (const chord of this.#chords.values()) {
      if (lineOf(chord.callback.parameters) === line) this.#endChord(chord);
    }
    for (const lines of Object.values(this.#lines)) {
      for (const job of lines.drop((each) => each.line === line)) this.#ids.delete(job.id);
    }
    this.#dropRetries((job) => job.line === line);
    this.#unsorted = this.#unsorted.filter(({ parameters }) => lineOf(parameters) !== line);
    this.#notifyIfIdle();
  }

  /** The number of waiting tasks; of chords, only parts that were read. */
  async depth(): Promise<number> {
    const waiting = Object.values(this.#lines).reduce((sum, lines) => sum + lines.size, 0);
    return waiting + this.#retries.size + this.#unsorted.length;
  }

  /** Resolves once no task is waiting or running. */
  async idle(): Promise<void> {
    if (!this.#isIdle) await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  async check(): Promise<void> {
    this.#checkOpen();
  }

  /** Starts no more tasks, waits for running ones, and aborts them if that takes too long. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#dropRetries(() => true);
    for (const chord of this.#chords.values()) this.#endChord(chord);
    for (const lines of Object.values(this.#lines)) lines.drop(() => true);
    this.#unsorted = [];
    await this.#finish(this.#options.closeTimeoutMs ?? DEFAULT_CLOSE_TIMEOUT_MS);
    for (const { controller } of this.#running.values()) {
      controller.abort(new Error("The service is shutting down."));
    }
    await this.#finish(STOP_TIMEOUT_MS);
    this.#notifyIfIdle();
  }

  async #finish(timeoutMs: number): Promise<void> {
    const enough = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: enough.signal }).catch(() => {});
    await Promise.race([Promise.all(this.#running.keys()), late]);
    enough.abort();
  }

  #checkOpen(): void {
    if (this.#isClosing) throw new ServiceError("store-failed", "The queue is closed.");
  }

  #enqueue(call: TaskCall): void {
    if (this.#definitions === undefined) {
      this.#unsorted.push(call);
      return;
    }
    const id = call.id ?? randomUUID();
    if (this.#ids.has(id)) return; // already waiting or running
    this.#ids.add(id);
    this.#add({ call, id, load: this.#loadOf(call), line: lineOf(call.parameters), tries: 0 });
  }

  #add(job: Job): void {
    this.#lines[job.load].add(job.line, job);
    this.#startTasks();
  }

  #loadOf({ name }: TaskCall): TaskLoad {
    return this.#definitions?.get(name)?.load ?? "light";
  }

  async #read(chord: OpenChord): Promise<void> {
    const line = lineOf(chord.callback.parameters);
    await chord.read(PARTS_AHEAD, (place) => {
      const { call } = place;
      const id = call.id ?? randomUUID();
      this.#add({ call, id, load: this.#loadOf(call), line, tries: 0, part: { chord, place } });
    });
    this.#endIfDone(chord);
  }

  /** Reads more parts; if that fails, the chord fails. */
  async #readOn(chord: OpenChord): Promise<void> {
    try {
      await this.#read(chord);
    } catch (error) {
      this.#failChord(chord, chord.callback.name, chord.id, error);
    }
  }

  #startTasks(): void {
    if (this.#isClosing || this.#definitions === undefined) return;
    for (const load of Object.keys(this.#lines) as TaskLoad[]) {
      for (let job = this.#next(load); job !== undefined; job = this.#next(load)) this.#start(job);
    }
  }

  /** The next task to start, if any. Leaves a slot for other runs, however long one run's tasks take. */
  #next(load: TaskLoad): Job | undefined {
    const running = [...this.#running.values()].filter(({ job }) => job.load === load);
    const limit = this.#limits[load];
    if (running.length >= limit) return undefined;
    const maxOfQueue = Math.max(1, limit - 1);
    return this.#lines[load].take(
      (line) => running.filter(({ job }) => job.line === line).length < maxOfQueue,
    );
  }

  #start(job: Job): void {
    if (job.part !== undefined) {
      job.part.chord.begin();
      void this.#readOn(job.part.chord);
    }
    const controller = new AbortController();
    const done = this.#run(job, controller.signal).finally(() => {
      this.#running.delete(done);
      this.#startTasks();
      this.#notifyIfIdle();
    });
    this.#running.set(done, { job, controller });
  }

  /** Runs a task and handles its outcome. Never rejects. */
  async #run(job: Job, signal: AbortSignal): Promise<void> {
    await Promise.resolve(); // lets the sender continue first
    const { call, id, tries, part } = job;
    const definition = this.#definitions!.get(call.name);
    const maxRetries = definition?.maxRetries ?? DEFAULT_MAX_RETRIES;
    try {
      if (definition === undefined) throw unknownTask(call.name);
      const context = { taskId: id, signal, isLastTry: tries >= maxRetries, isRepeat: tries > 0 };
      const result = await definition.run(call.parameters, context);
      this.#ids.delete(id);
      if (part === undefined || part.chord.isClosed) return;
      part.chord.add(part.place, result);
      this.#endIfDone(part.chord);
    } catch (error) {
      if (this.#isClosing || part?.chord.isClosed) return; // no one waits for it anymore
      if (error instanceof TaskPutOff) return this.#retry(job, tries, 1000 * error.seconds);
      const willRetry = tries < maxRetries && !isPermanent(error);
      if (willRetry) this.#retry(job, tries + 1);
      else this.#ids.delete(id);
      this.#options.onFailure?.({ task: call.name, taskId: id, error, willRetry });
      if (willRetry) return;
      if (part !== undefined) this.#failChord(part.chord, undefined, id, error);
      else this.#sendErrback(call, id);
    }
  }

  #retry(job: Job, tries: number, delayMs = this.#options.retryDelayMs ?? DEFAULT_RETRY_DELAY_MS): void {
    const timer = setTimeout(() => {
      this.#retries.delete(timer);
      job.part?.chord.putBack();
      this.#add({ ...job, tries });
    }, delayMs);
    this.#retries.set(timer, job);
  }

  #endIfDone(chord: OpenChord): void {
    if (!chord.isDone || chord.isClosed) return;
    this.#endChord(chord);
    const { callback, results } = chord;
    const [first] = this.#definitions?.get(callback.name)?.parameters ?? [];
    const named = first === undefined ? {} : { [first.replace("?", "")]: results };
    this.#enqueue({ ...callback, parameters: { ...callback.parameters, ...named } });
  }

  /** @param task the task to report, if it was not reported before */
  #failChord(chord: OpenChord, task: string | undefined, taskId: string, error: unknown): void {
    if (chord.isClosed) return;
    this.#endChord(chord);
    if (task !== undefined) this.#options.onFailure?.({ task, taskId, error, willRetry: false });
    this.#sendErrback(chord.callback, chord.callback.id ?? chord.id);
    this.#notifyIfIdle();
  }

  #sendErrback({ onError }: TaskCall, failedTaskId: string): void {
    if (onError === undefined) return;
    this.#enqueue({ ...onError, parameters: { ...onError.parameters, args: [failedTaskId] } });
  }

  #endChord(chord: OpenChord): void {
    chord.close();
    this.#chords.delete(chord.id);
    for (const lines of Object.values(this.#lines)) lines.drop(({ part }) => part?.chord === chord);
    this.#dropRetries(({ part }) => part?.chord === chord);
  }

  #dropRetries(isMeant: (job: Job) => boolean): void {
    for (const [timer, job] of this.#retries) {
      if (!isMeant(job)) continue;
      clearTimeout(timer);
      this.#retries.delete(timer);
      this.#ids.delete(job.id);
    }
  }

  get #isIdle(): boolean {
    const waiting = Object.values(this.#lines).some((lines) => lines.size > 0);
    const isEmpty = !waiting && this.#unsorted.length === 0;
    return isEmpty && this.#running.size + this.#retries.size + this.#chords.size === 0;
  }

  #notifyIfIdle(): void {
    if (!this.#isIdle) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}

/** One line per run, and one per project for tasks without a run. */
function lineOf(parameters: TaskCall["parameters"]): string {
  const { run_id: runId, project_id: projectId } = parameters;
  return typeof runId === "string" ? `run ${runId}` : `project ${String(projectId)}`;
}

function unknownTask(name: string): ServiceError {
  return new ServiceError("invalid-arguments", `The task ${name} is not registered.`, {
    subject: "name of a task",
    received: name,
  });
}
