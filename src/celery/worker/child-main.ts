// The program of a task process: one task at a time, until its worker ends it.

import { softTimeLimitExceeded, type TaskFailure, toTaskFailure } from "../task-errors.js";
import { RetryRequest, type TaskContext, type TaskHandler } from "../task-registry.js";
import type { FailureParts, FromChild, ToChild } from "./child-protocol.js";
import { throwRetry } from "./execution.js";

let controller = new AbortController();

process.on("message", (message: ToChild) => {
  if (message.type === "end") controller.abort(softTimeLimitExceeded());
  else void run(message).then((answer) => process.send?.(answer));
});
// The worker ends its processes itself, also when a terminal sends this signal to all of them.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(1));

async function run(message: Extract<ToChild, { type: "task" }>): Promise<FromChild> {
  controller = new AbortController();
  try {
    const module = (await import(message.module)) as Record<string, unknown>;
    const handler = module[message.export];
    if (typeof handler !== "function")
      throw new TypeError(`no function ${message.export} in the task's module`);
    const context = {
      ...message.context,
      signal: controller.signal,
      retry: throwRetry,
    } as unknown as TaskContext;
    controller.signal.throwIfAborted(); // the limit was reached while the module was loaded
    return { type: "result", result: await (handler as TaskHandler)(message.parameters, context) };
  } catch (error) {
    if (error instanceof RetryRequest) {
      const { countdownSeconds, maxRetries } = error.options;
      const failure = error.cause_ === undefined ? undefined : partsOf(error.cause_);
      return { type: "retry", options: { countdownSeconds, maxRetries }, failure };
    }
    return { type: "failure", failure: partsOf(toTaskFailure(error)) };
  }
}

function partsOf({ type, args, module, stack }: TaskFailure): FailureParts {
  return { type, args, module, stack };
}
