import type { RetryOptions, TaskContext } from "../task-registry.js";

/** What a worker tells one of its task processes. */
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

/** A failure's parts, since an error object loses its class between processes. */
export interface FailureParts {
  readonly type: string;
  readonly args: readonly unknown[];
  readonly module: string;
  readonly stack: string | undefined;
}

/** What a task process tells its worker. */
export type FromChild =
  | { readonly type: "result"; readonly result: unknown }
  | { readonly type: "failure"; readonly failure: FailureParts }
  | {
      readonly type: "retry";
      readonly options: Omit<RetryOptions, "error">;
      readonly failure: FailureParts | undefined;
    };
