import { randomUUID } from "node:crypto";
import { type CeleryApp, type Signature, signature } from "../../celery/index.js";
import { ServiceError } from "../../linkage/errors.js";
import type { TaskCall, TaskQueue } from "../../linkage/task-queue.js";

export interface CeleryTaskQueueOptions {
  /** The queues whose tasks are counted; default: the app's default queue, `compute` and `highmemory`. */
  readonly queues?: readonly string[] | undefined;
}

/** Tasks that take no headers of a trace; of all others Python's versions want them. */
const WITHOUT_SPAN = /\.(calculate_comparison_rate|celery_bug_fix|run_failed_handler)$/;

/** The queues of a Celery cluster, whose workers may be ours or Python's. */
export class CeleryTaskQueue implements TaskQueue {
  readonly #app: CeleryApp;
  readonly #queues: readonly string[];

  /** @param app its routes say where tasks go */
  constructor(app: CeleryApp, { queues }: CeleryTaskQueueOptions = {}) {
    this.#app = app;
    this.#queues = queues ?? [app.defaultQueue, "compute", "highmemory"];
  }

  async send(call: TaskCall): Promise<void> {
    await this.#app.apply(signatureOf(call));
  }

  async sendChord(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    callback: TaskCall,
    id: string,
  ): Promise<void> {
    const body = signatureOf({ ...callback, id: callback.id ?? randomUUID() });
    await this.#app.sendChord(signaturesOf(parts), body, id);
  }

  /** Messages cannot be picked out of a queue: workers find the run gone, and end its tasks quietly. */
  async cancelRun(): Promise<void> {}

  async depth(): Promise<number> {
    const lengths = await Promise.all(this.#queues.map((queue) => this.#app.queueLength(queue)));
    return lengths.reduce((sum, length) => sum + length, 0);
  }

  async check(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const answers = Promise.all([this.#app.broker.isReady(), this.#app.backend.isReady()]);
    answers.catch(() => {}); // where it is no longer waited for
    if (signal === undefined) return void (await answers);
    let onAbort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(new ServiceError("store-failed", "broker", "an answer", "none in time"));
      signal.addEventListener("abort", onAbort, { once: true });
    });
    await Promise.race([answers, aborted]).finally(() => signal.removeEventListener("abort", onAbort));
  }

  async close(): Promise<void> {
    await this.#app.disconnect();
  }
}

function signatureOf(call: TaskCall, isPart = false): Signature {
  const { name, parameters, id, priority = 0, onError } = call;
  const kwargs = WITHOUT_SPAN.test(name) ? parameters : { parent_span: {}, ...parameters };
  return signature(name, [], kwargs, {
    taskId: id,
    priority, // said in any case, else the task after a chord would have that of the chord's last part
    ...(onError === undefined ? {} : { linkError: [signatureOf(onError)] }),
    ignoreResult: !isPart, // a chord needs the results of its parts
    immutable: isPart,
  });
}

async function* signaturesOf(parts: AsyncIterable<TaskCall> | Iterable<TaskCall>): AsyncGenerator<Signature> {
  for await (const part of parts) yield signatureOf(part, true);
}
