import type { CeleryApp, TaskContext } from "../celery/index.js";
import { isPermanent } from "../linkage/errors.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import type { WorkerMetrics } from "./metrics.js";

/** As the Python service tries again what has failed. */
const MAX_RETRIES = 3;
const RETRY_SECONDS = 5;

/** Registers tasks with a Celery application, so that its worker does them. */
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
      try {
        const result = await definition.run(given, { taskId: context.id, signal: context.signal, isLastTry });
        const isGivenUp = result === null;
        metrics.taskDone(name, isGivenUp ? "given up" : "done", seconds(), candidatesOf(result));
        return result;
      } catch (error) {
        metrics.taskDone(name, "failed", seconds(), 0);
        return tryAgain(context, error, maxRetries);
      }
    });
  }
}

/** Of a comparison, how many candidate pairs it has found. */
function candidatesOf(result: unknown): number {
  return Array.isArray(result) && typeof result[0] === "number" ? result[0] : 0;
}

/** What arguments cannot do once they cannot do later; and a task that was told to end ends. */
function tryAgain(context: TaskContext, error: unknown, maxRetries: number): never {
  context.signal.throwIfAborted();
  if (isPermanent(error)) throw error;
  return context.retry({ countdownSeconds: RETRY_SECONDS, maxRetries, error });
}
