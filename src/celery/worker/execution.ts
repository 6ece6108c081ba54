import { bindParameters } from "../bind-parameters.js";
import { TaskFailure, timeLimitExceeded, toTaskFailure, workerLost } from "../task-errors.js";
import { type RetryOptions, RetryRequest } from "../task-registry.js";
import { type ChildPool, ProcessLost } from "./child-pool.js";
import type { Outcome } from "./outcome.js";
import type { TaskRequest } from "./task-request.js";

/** What a run may take, in seconds; null for no limit. */
export interface TimeLimits {
  readonly hard: number | null;
  readonly soft: number | null;
}

/**
 * Runs a task to its end, whatever that is; never rejects. A handler in this process is told to end by its signal and,
 * at a hard limit, no longer waited for; a process of its own is killed.
 */
export async function execute(
  request: TaskRequest,
  limits: TimeLimits,
  children: ChildPool,
  hostname: string,
  rejectOnWorkerLost: boolean,
): Promise<Outcome> {
  const timers: NodeJS.Timeout[] = [];
  const after = (seconds: number | null, action: () => void) => {
    if (seconds !== null && seconds > 0) timers.push(setTimeout(action, 1000 * seconds));
  };
  try {
    const parameters = bindParameters(
      request.task.name,
      request.task.parameters,
      request.message.args,
      request.message.kwargs,
      request.task.takesPositionals,
    );
    const ended = new Promise<never>((_, reject) => {
      request.onEnd(reject);
      after(limits.soft, () => request.askToEnd());
      after(limits.hard, () => request.end(timeLimitExceeded(limits.hard!)));
    });
    const run =
      request.task.handler === undefined
        ? children.run(request, parameters, hostname)
        : Promise.resolve().then(() =>
            request.task.handler!(parameters, {
              ...request.context(hostname),
              signal: request.signal,
              retry: throwRetry,
            }),
          );
    run.catch(() => {}); // where it is not waited for
    return { kind: "success", result: await Promise.race([run, ended]) };
  } catch (error) {
    return outcomeOf(error, rejectOnWorkerLost);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

function outcomeOf(error: unknown, rejectOnWorkerLost: boolean): Outcome {
  if (error instanceof RetryRequest) return { kind: "retry", request: error };
  if (error instanceof ProcessLost) {
    return rejectOnWorkerLost ? { kind: "lost" } : { kind: "failure", failure: workerLost(error.message) };
  }
  const failure = toTaskFailure(error);
  if (failure.type !== "TaskRevokedError") return { kind: "failure", failure };
  return { kind: "revoked", failure, terminated: failure.args[0] === "terminated" };
}

/** The `retry` of a context. */
export function throwRetry(options: RetryOptions = {}): never {
  const cause = options.error === undefined ? undefined : toTaskFailure(options.error);
  throw new RetryRequest(options, cause instanceof TaskFailure ? cause : undefined);
}
