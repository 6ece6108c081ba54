import type { CeleryApp, TaskContext } from "../celery/index.js";
import { ServiceError } from "../linkage/errors.js";
import {
  COMPUTE_FILTER_SIMILARITY,
  type ComputeFilterSimilarityResult,
  type TaskParameters,
} from "./compute-filter-similarity.js";
import type { WorkerMetrics } from "./metrics.js";

/** As the Python service tries again what has failed. */
const MAX_RETRIES = 3;
const RETRY_SECONDS = 5;

type Compute = (
  parameters: TaskParameters,
  context: { taskId: string; signal: AbortSignal },
) => Promise<ComputeFilterSimilarityResult>;

/** Registers the tasks of the entity service that this worker does. */
export function registerTasks(app: CeleryApp, compute: Compute, metrics: WorkerMetrics): void {
  const { name, parameters, requiredCount } = COMPUTE_FILTER_SIMILARITY;
  const named = parameters.map((parameter, n) => (n < requiredCount ? parameter : `${parameter}?`));
  app.task(name, { parameters: named, maxRetries: MAX_RETRIES }, async (given, context) => {
    const start = performance.now();
    const seconds = () => (performance.now() - start) / 1000;
    try {
      const result = await compute(given, { taskId: context.id, signal: context.signal });
      metrics.taskDone(result === null ? "given up" : "done", seconds(), result?.[0] ?? 0);
      return result;
    } catch (error) {
      metrics.taskDone("failed", seconds(), 0);
      return tryAgain(context, error);
    }
  });
}

/** What arguments cannot do once they cannot do later; and a task that was told to end ends. */
function tryAgain(context: TaskContext, error: unknown): never {
  context.signal.throwIfAborted();
  if (error instanceof ServiceError && error.code === "invalid-arguments") throw error;
  return context.retry({ countdownSeconds: RETRY_SECONDS, error });
}
