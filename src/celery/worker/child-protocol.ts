import type { RetryOptions, TaskContext } from "../task-registry.js";

/** A message from a worker to one of its task processes. */
export type ToChild =
  | {
      readonly type: "task";
      readonly module: string;
      readonly export: string;
      readonly parameters: Record<string, unknown>;
      readonly context: Omit<TaskContext, "signal" | "retry">;
    }
  /** The soft time limit is reached. */
  | { readonly type: "end" };

/** The parts of a failure, because an error object loses its class between processes. */
export interface FailureParts {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly module: string;
  readonly stack: string | undefined;
}

/** A message from a task process to its worker. */
export type FromChild =
  /** The task's module is loaded, and its handler is called; time limits count from here. */
  { readonly type: "begun" } | Answer;

/** How a task ended. */
export type Answer =
  | { readonly type: "result"; readonly result: unknown }
  | { readonly type: "failure"; readonly failure: FailureParts }
  | {
      readonly type: "retry";
      readonly options: Omit<RetryOptions, "error">;
      readonly failure: FailureParts | undefined;
    };
