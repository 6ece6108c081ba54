import {
  broadcast,
  type CeleryApp,
  FINAL_STATES,
  type SentChord,
  type SentPart,
  type Signature,
  signature,
} from "../../celery/index.js";
import { ServiceError } from "../../linkage/errors.js";
import { comparisonsOf } from "../../linkage/task-calls.js";
import { taskIdOf } from "../../linkage/task-id.js";
import type { ChordPart, ClusterTaskQueue, TaskCall } from "../../linkage/task-queue.js";
import { unlessAborted } from "../../linkage/unless-aborted.js";

export interface CeleryTaskQueueOptions {
  /** The queues whose tasks are counted; default: the app's default queue, `compute` and `highmemory`. */
  readonly queues?: readonly string[];
}

/** Tasks that take no `parent_span`; Python's versions of all others require it. */
const WITHOUT_SPAN = /\.(calculate_comparison_rate|celery_bug_fix|run_failed_handler)$/;

interface KnownTask {
  readonly id: string;
  readonly args: unknown;
  readonly kwargs: unknown;
}

/** How long workers may take to report their tasks, in milliseconds. */
const ASK_MS = 5000;
/** Ids of runs and projects, as they appear in the arguments of tasks. */
const OWNER_ID = /(?<![0-9a-f])[0-9a-f]{48}(?![0-9a-f])/g;

/** The queues of a Celery cluster, whose workers may be ours or Python's. */
export class CeleryTaskQueue implements ClusterTaskQueue {
  readonly #app: CeleryApp;
  readonly #queues: readonly string[];

  /** @param app its routes determine the queue of each task */
  constructor(app: CeleryApp, { queues }: CeleryTaskQueueOptions = {}) {
    this.#app = app;
    this.#queues = queues ?? [app.defaultQueue, "compute", "highmemory"];
  }

  async send(call: TaskCall): Promise<void> {
    if (call.id === undefined) await this.#app.apply(signatureOf(call));
    else await this.#app.sendOnce(signatureOf(call));
  }

  async sendAgain(call: TaskCall, followers: readonly string[]): Promise<boolean> {
    return this.#app.sendAgain(signatureOf(call), followers);
  }

  async sendChord(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    callback: TaskCall,
    id: string,
  ): Promise<void> {
    const chord = this.#app.chordOf(id);
    const body = signatureOf({ ...callback, id: callback.id ?? taskIdOf(id, "callback") });
    const sentBefore = await chord.parts();
    const lost = await this.#findLost(sentBefore ?? []);
    await chord.send(signaturesOf(parts), body, lost);
    if (sentBefore !== undefined) await this.#endChord(chord, callback, body);
  }

  /** Ids of the parts that have no result, and that are neither queued nor held by a worker. */
  async #findLost(parts: readonly SentPart[]): Promise<ReadonlySet<string>> {
    const lost = new Set(parts.filter(({ status }) => !FINAL_STATES.has(status)).map((part) => part.id));
    if (lost.size === 0) return lost;
    for await (const { id } of this.#knownTasks()) lost.delete(id);
    const metas = await this.#app.backend.getTaskMetas([...lost]);
    for (const meta of metas) if (FINAL_STATES.has(meta?.status ?? "")) lost.delete(meta!.task_id); // done meanwhile
    return lost;
  }

  /**
   * Sends the callback of a chord whose parts are all done, if it was never sent: the worker that counted the last part
   * died before it sent the callback, or counted wrongly. Then neither the callback nor any part is queued or held.
   */
  async #endChord(chord: SentChord, callback: TaskCall, body: Signature): Promise<void> {
    const parts = (await chord.parts()) ?? [];
    if (parts.length === 0 || parts.some(({ status }) => !FINAL_STATES.has(status))) return;
    const bodyId = String(body.options["task_id"]);
    const ids = new Set([...parts.map(({ id }) => id), bodyId]);
    for await (const { id } of this.#knownTasks()) if (ids.has(id)) return;
    if (parts.every(({ status }) => status === "SUCCESS")) {
      await this.#app.sendAgain({ ...body, args: [parts.map(({ result }) => result)] });
    } else if (callback.onError !== undefined) {
      await this.#app.apply({ ...signatureOf(callback.onError), args: [bodyId] });
    }
  }

  /**
   * All tasks that are queued or held by a worker; some appear more than once. Python workers may acknowledge a task
   * before they start it, so workers are asked too. What a worker has not acknowledged is read from the broker alone:
   * if it is not there, it was put back, and the worker merely does not know, for example because it hangs. The queues
   * are then read again, for tasks sent in the meantime.
   */
  async *#knownTasks(): AsyncGenerator<KnownTask> {
    yield* this.#waitingTasks();
    for (const method of ["active", "reserved", "scheduled"]) {
      for (const reply of (await broadcast(this.#app, method, {}, { timeoutMs: ASK_MS })).values()) {
        for (const task of Array.isArray(reply) ? reply : []) {
          const { id, args, kwargs, acknowledged } = task?.request ?? task ?? {};
          if (typeof id === "string" && acknowledged !== false) yield { id, args, kwargs };
        }
      }
    }
    yield* this.#waitingTasks();
  }

  async *#waitingTasks(): AsyncGenerator<KnownTask> {
    for await (const { headers, args, kwargs } of this.#app.tasksIn(this.#queues)) {
      yield { id: headers.id, args, kwargs };
    }
  }

  async chordParts(id: string): Promise<readonly ChordPart[] | undefined> {
    const parts = await this.#app.chordOf(id).parts();
    return parts?.map(({ id: partId, status, result }) => ({
      id: partId,
      state: status === "SUCCESS" ? "done" : FINAL_STATES.has(status) ? "failed" : "unfinished",
      result,
    }));
  }

  async forgetFirstFailures(id: string): Promise<void> {
    await this.#app.chordOf(id).forgetFirstFailures();
  }

  async hasChordFailed(callbackId: string): Promise<boolean> {
    const [meta] = await this.#app.backend.getTaskMetas([callbackId]);
    const { exc_type: type } = (meta?.result ?? {}) as { exc_type?: unknown };
    return meta?.status === "FAILURE" && type === "ChordError";
  }

  async removeChord(id: string): Promise<void> {
    await this.#app.chordOf(id).remove();
  }

  /** Searches for their ids, which are in the arguments of all their tasks. */
  async findBusy(owners: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const busy = new Set<string>();
    if (owners.size === 0) return busy;
    for await (const { args, kwargs } of this.#knownTasks()) {
      for (const [id] of JSON.stringify([args, kwargs], withoutBigInts).matchAll(OWNER_ID)) {
        if (owners.has(id)) busy.add(id);
      }
      if (busy.size === owners.size) break;
    }
    return busy;
  }

  /**
   * Messages cannot be removed from the middle of a queue: workers find that the run is gone, and finish its tasks
   * without an error. Only the chord of the run's comparisons is removed here.
   */
  async cancelRun(runId: string): Promise<void> {
    await this.removeChord(comparisonsOf(runId));
  }

  async depth(): Promise<number> {
    const lengths = await Promise.all(this.#queues.map((queue) => this.#app.queueLength(queue)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const answers = Promise.all([this.#app.broker.isReady(), this.#app.backend.isReady()]);
    await unlessAborted(answers, signal).catch((error: unknown) => {
      throw signal?.aborted ? new ServiceError("store-failed", "The broker did not answer in time.") : error;
    });
  }

  async close(): Promise<void> {
    await this.#app.disconnect();
  }
}

function withoutBigInts(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? null : value;
}

function signatureOf(call: TaskCall, isPart = false): Signature {
  const { name, parameters, id, priority = 0, onError } = call;
  const kwargs = WITHOUT_SPAN.test(name) ? parameters : { parent_span: {}, ...parameters };
  return signature(name, [], kwargs, {
    taskId: id,
    priority, // always set, or the task after a chord would inherit it from the chord's last part
    ...(onError === undefined ? {} : { linkError: [signatureOf(onError)] }),
    ignoreResult: !isPart, // a chord needs the results of its parts
    immutable: isPart,
  });
}

async function* signaturesOf(parts: AsyncIterable<TaskCall> | Iterable<TaskCall>): AsyncGenerator<Signature> {
  for await (const part of parts) yield signatureOf(part, true);
}
