import { bindParameters } from "../bind-parameters.js";
import { TaskFailure, timeLimitExceeded, toTaskFailure, workerLost } from "../task-errors.js";
import { type RetryOptions, RetryRequest } from "../task-registry.js";
import { type ChildPool, ProcessLost } from "./child-pool.js";
import type { Outcome } from "./outcome.js";
import type { TaskRequest } from "./task-request.js";
import type { CheckedWorkerOptions } from "./worker-options.js";

/** A task's time limits, in seconds; null for no limit. */
export interface TimeLimits {
  readonly hard: number | null;
  readonly soft: number | null;
}

/** The message's own limits; else those `set` by remote control; else the task's or the worker's. */
export function limitsOf(
  { task, message }: TaskRequest,
  set: TimeLimits | undefined,
  { timeLimitSeconds, softTimeLimitSeconds }: CheckedWorkerOptions,
): TimeLimits {
  const [hard, soft] = message.headers.timelimit ?? [];
  const usual = set ?? {
    hard: task.timeLimitSeconds ?? timeLimitSeconds ?? null,
    soft: task.softTimeLimitSeconds ?? softTimeLimitSeconds ?? null,
  };
  return { hard: hard ?? usual.hard, soft: soft ?? usual.soft };
}

/**
 * Runs a task to its end, whatever the outcome; never rejects. A handler in this process is asked to stop by its signal
 * and, at a hard limit, is no longer awaited. A separate process is killed.
 */
export async function execute(
  request: TaskRequest,
  limits: TimeLimits,
  children: ChildPool,
  hostname: string,
  rejectOnWorkerLost: boolean,
): Promise<Outcome> {
  const timers: NodeJS.Timeout[] = [];
  let isOver = false; // a process may call the handler of a task that was ended meanwhile
  const after = (seconds: number | null, action: () => void) => {
    if (seconds !== null && seconds > 0 && !isOver) timers.push(setTimeout(action, 1000 * seconds));
  };
  try {
    const parameters = bindParameters(
      request.task.name,
      request.task.parameters,
      request.message.args,
      request.message.kwargs,
      request.task.takesPositionals,
    );
    const ended = new Promise<never>((_, reject) => request.onEnd(reject));
    const startTimers = () => {
      after(limits.soft, () => request.askToEnd());
      after(limits.hard, () => request.end(timeLimitExceeded(limits.hard!)));
    };
    const run =
      request.task.handler === undefined
        ? children.run(request, parameters, hostname, startTimers)
        : Promise.resolve().then(() => {
            startTimers();
            return request.task.handler!(parameters, {
              ...request.context(hostname),
              signal: request.signal,
              retry: throwRetry,
            });
          });
    run.catch(() => {}); // in case nothing awaits it
    return { kind: "success", result: await Promise.race([run, ended]) };
  } catch (error) {
    return outcomeOf(error, rejectOnWorkerLost);
  } finally {
    isOver = true;
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
