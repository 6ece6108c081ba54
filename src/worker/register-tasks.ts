import type { CeleryApp, TaskContext } from "../celery/index.js";
import { isPermanent } from "../linkage/errors.js";
import { type TaskDefinition, TaskPutOff } from "../linkage/task-queue.js";
import type { WorkerMetrics } from "./metrics.js";

/** The Python service's defaults for retries. */
const MAX_RETRIES = 3;
const RETRY_SECONDS = 5;

/** Registers tasks with a Celery application, so that its worker runs them. */
export function registerTasks(
  app: CeleryApp,
  definitions: readonly TaskDefinition[],
  metrics: WorkerMetrics,
): void {
  for (const definition of definitions) {
    const { name, parameters, takesPositionals, maxRetries = MAX_RETRIES, keepsResult = false } = definition;
    const options = { parameters, takesPositionals, maxRetries, ignoreResult: !keepsResult };
    app.task(name, options, async (given, context) => {
      const start = performance.now();
      const seconds = () => (performance.now() - start) / 1000;
      const isLastTry = context.retries >= maxRetries;
      const isRepeat = context.retries > 0 || context.deliveryInfo.redelivered;
      const { id: taskId, signal } = context;
      try {
        const result = await definition.run(given, { taskId, signal, isLastTry, isRepeat });
        const isGivenUp = result === null;
        metrics.taskDone(name, isGivenUp ? "given up" : "done", seconds(), candidatesOf(result));
        return result;
      } catch (error) {
        if (error instanceof TaskPutOff)
          return context.retry({ countdownSeconds: error.seconds, isPutOff: true });
        metrics.taskDone(name, "failed", seconds(), 0);
        return tryAgain(context, error, maxRetries);
      }
    });
  }
}

/** The number of candidate pairs in the result of a comparison. */
function candidatesOf(result: unknown): number {
  return Array.isArray(result) && typeof result[0] === "number" ? result[0] : 0;
}

/** Invalid arguments never succeed on retry; an aborted task is not retried. */
function tryAgain(context: TaskContext, error: unknown, maxRetries: number): never {
  context.signal.throwIfAborted();
  if (isPermanent(error)) throw error;
  return context.retry({ countdownSeconds: RETRY_SECONDS, maxRetries, error });
}
