// The program of a task process: runs one task at a time, until its worker stops it.

import { EncodeError } from "../python-json.js";
import { softTimeLimitExceeded, type TaskFailure, toTaskFailure } from "../task-errors.js";
import { RetryRequest, type TaskContext, type TaskHandler } from "../task-registry.js";
import type { Answer, FailureParts, FromChild, ToChild } from "./child-protocol.js";
import { throwRetry } from "./execution.js";

let controller = new AbortController();

process.on("message", (message: ToChild) => {
  if (message.type === "end") controller.abort(softTimeLimitExceeded());
  else void run(message).then(send);
});
// The worker stops its processes itself, even if a terminal sends this signal to all of them.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(1));

async function run(message: Extract<ToChild, { type: "task" }>): Promise<Answer> {
  controller = new AbortController();
  try {
    const module = (await import(message.module)) as Record<string, unknown>;
    const handler = module[message.export];
    if (typeof handler !== "function")
      throw new TypeError(`The task's module has no function ${message.export}.`);
    const context = {
      ...message.context,
      signal: controller.signal,
      retry: throwRetry,
    } as unknown as TaskContext;
    process.send?.({ type: "begun" } satisfies FromChild);
    return { type: "result", result: await (handler as TaskHandler)(message.parameters, context) };
  } catch (error) {
    if (error instanceof RetryRequest) {
      const { countdownSeconds, maxRetries, isPutOff } = error.options;
      const failure = error.cause_ === undefined ? undefined : partsOf(error.cause_);
      return { type: "retry", options: { countdownSeconds, maxRetries, isPutOff }, failure };
    }
    return { type: "failure", failure: partsOf(toTaskFailure(error)) };
  }
}

/** Sends an answer; a result that cannot be sent, such as a function, becomes a failure. */
function send(answer: Answer): void {
  try {
    process.send?.(answer);
  } catch {
    const failure = toTaskFailure(new EncodeError("The result of the task cannot be sent from its process."));
    process.send?.({ type: "failure", failure: partsOf(failure) } satisfies FromChild);
  }
}

function partsOf({ type, args, module, stack }: TaskFailure): FailureParts {
  return { type, args, module, stack };
}
