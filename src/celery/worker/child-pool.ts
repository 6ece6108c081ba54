import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { TaskFailure } from "../task-errors.js";
import { RetryRequest } from "../task-registry.js";
import type { Answer, FailureParts, FromChild, ToChild } from "./child-protocol.js";
import type { TaskRequest } from "./task-request.js";

/** A task's process exited before its task finished. */
export class ProcessLost extends Error {}

interface Child {
  readonly process: ChildProcess;
  tasks: number;
}

/** The program of a task process: next to this file, with the same extension. */
const PROGRAM = fileURLToPath(new URL(`./child-main${import.meta.url.slice(-3)}`, import.meta.url));

/** Processes for tasks that must be killable; each runs one task at a time and is then reused. */
export class ChildPool {
  readonly #maxTasks: number;
  readonly #idle: Child[] = [];
  readonly #all = new Set<Child>();

  /** @param maxTasks the number of tasks after which a process is replaced; default: never */
  constructor(maxTasks = Number.POSITIVE_INFINITY) {
    this.#maxTasks = maxTasks;
  }

  get pids(): number[] {
    return [...this.#all].map(({ process }) => process.pid!);
  }

  /**
   * Runs a task in a process. Ending the request kills the process.
   *
   * @param onBegun called when the handler is called: a new process first has to start and to load the task's module
   * @throws TaskFailure the task's failure; RetryRequest; ProcessLost
   */
  async run(
    request: TaskRequest,
    parameters: Record<string, unknown>,
    hostname: string,
    onBegun: () => void,
  ): Promise<unknown> {
    const child = this.#idle.pop() ?? this.#spawn();
    child.tasks++;
    request.pid = child.process.pid;
    child.process.ref();
    const message: ToChild = {
      type: "task",
      module: request.task.module!.module.href,
      export: request.task.module!.export ?? "default",
      parameters,
      context: request.context(hostname),
    };
    const onAbort = () => {
      const reason = request.signal.reason as TaskFailure;
      if (reason.type === "SoftTimeLimitExceeded") child.process.send({ type: "end" } satisfies ToChild);
    };
    let onExit: (code: number | null, signal: string | null) => void = () => {};
    let onMessage: (answer: FromChild) => void = () => {};
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        onExit = (code, signal) =>
          reject(new ProcessLost(`Worker exited prematurely: ${signal ?? `exitcode ${code}`}.`));
        onMessage = (message) => (message.type === "begun" ? onBegun() : resolve(message));
        child.process.once("exit", onExit);
        child.process.on("message", onMessage);
        request.signal.addEventListener("abort", onAbort);
        request.onKill = (signal) => child.process.kill(signal);
        child.process.send(message, (error) => error && reject(new ProcessLost(error.message)));
      });
      return resultOf(answer);
    } finally {
      request.signal.removeEventListener("abort", onAbort);
      request.onKill = undefined;
      child.process.off("exit", onExit);
      child.process.off("message", onMessage);
      this.#release(child);
    }
  }

  /** Kills all processes. */
  close(): void {
    for (const { process } of this.#all) process.kill("SIGKILL");
    this.#idle.length = 0;
  }

  #release(child: Child): void {
    if (child.process.exitCode !== null || child.process.signalCode !== null || child.process.killed) return;
    if (child.tasks >= this.#maxTasks) {
      child.process.kill("SIGTERM");
      return;
    }
    child.process.unref(); // an idle process must not keep its worker alive
    this.#idle.push(child);
  }

  #spawn(): Child {
    const child: Child = { process: fork(PROGRAM, { serialization: "advanced" }), tasks: 0 };
    this.#all.add(child);
    child.process.on("error", () => {});
    child.process.once("exit", () => {
      this.#all.delete(child);
      const index = this.#idle.indexOf(child);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    child.process.channel?.unref();
    return child;
  }
}

function resultOf(answer: Answer): unknown {
  if (answer.type === "result") return answer.result;
  if (answer.type === "failure") throw failureOf(answer.failure);
  throw new RetryRequest(
    answer.options,
    answer.failure === undefined ? undefined : failureOf(answer.failure),
  );
}

function failureOf({ type, args, module, stack }: FailureParts): TaskFailure {
  const failure = new TaskFailure(type, args, module);
  if (stack !== undefined) failure.stack = stack;
  return failure;
}
