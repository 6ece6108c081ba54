import result from "celery-node/dist/app/result.js";
import type { CeleryBackend, TaskMeta } from "./backend.js";
import type { ResultListener } from "./result-listener.js";
import { TaskFailure } from "./task-errors.js";

/** The result of a task that was sent. Extends celery-node's, which polls and throws uninformative errors. */
export class TaskResult extends result.AsyncResult {
  readonly #backend: CeleryBackend;
  readonly #listener: ResultListener;
  readonly #sent: Promise<unknown>;

  /** @param sent settles once the task is sent; if it rejects, so does waiting for the result */
  constructor(taskId: string, backend: CeleryBackend, listener: ResultListener, sent: Promise<unknown>) {
    super(taskId, backend);
    this.#backend = backend;
    this.#listener = listener;
    this.#sent = sent;
  }

  /**
   * Waits for the result.
   *
   * @param timeoutMs milliseconds; default: no limit
   * @throws TaskFailure the task's failure, or `TimeoutError` (celery.exceptions)
   */
  override async get(timeoutMs?: number): Promise<unknown> {
    const meta = await this.final(timeoutMs);
    if (meta.status === "SUCCESS") return meta.result;
    throw failureOf(meta);
  }

  /** Waits for the final state (SUCCESS, FAILURE or REVOKED) and what is stored with it. */
  async final(timeoutMs?: number): Promise<TaskMeta> {
    await this.#sent;
    const waiting = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<TaskMeta>((resolve, reject) => {
        if (timeoutMs !== undefined) {
          const failure = new TaskFailure("TimeoutError", ["The operation timed out."], "celery.exceptions");
          timer = setTimeout(() => reject(failure), timeoutMs);
        }
        this.#listener
          .wait(this.taskId, resolve)
          .then(
            (stop) => (waiting.signal.aborted ? stop() : waiting.signal.addEventListener("abort", stop)),
            reject,
          );
      });
    } finally {
      clearTimeout(timer);
      waiting.abort();
    }
  }

  /** The current state; PENDING if nothing is known. */
  async state(): Promise<string> {
    return (await this.#backend.getTaskMeta(this.taskId)).status;
  }
}

/** The failure in the stored result of a failed or revoked task. */
export function failureOf(meta: TaskMeta): TaskFailure {
  const stored = meta.result as { exc_type?: unknown; exc_message?: unknown; exc_module?: unknown } | null;
  const message = stored?.exc_message;
  const args = Array.isArray(message) ? message : message === undefined ? [] : [message];
  const failure = new TaskFailure(
    String(stored?.exc_type ?? "Exception"),
    args,
    String(stored?.exc_module ?? "builtins"),
  );
  if (meta.traceback) failure.stack = meta.traceback;
  return failure;
}
