import type { SimilarPairs } from "../core/candidates/similar-pairs.js";
import type { Comparison, ComparisonTask } from "../core/comparison.js";
import type { ErrorCode, ErrorDetails } from "../core/errors.js";
import type { WasmModules } from "../core/kernel/wasm-modules.js";

/** Messages from the pool to a thread. */
export type ToThread =
  | { readonly type: "start"; readonly modules: WasmModules }
  | {
      readonly type: "comparison";
      readonly job: number;
      readonly comparison: Comparison;
      readonly limit: number;
    }
  | { readonly type: "task"; readonly job: number; readonly index: number; readonly task: ComparisonTask }
  /** The job is finished or was aborted: stop its task at the next tile and drop its comparison. */
  | { readonly type: "forget"; readonly job: number };

/** Messages from a thread to the pool. */
export type FromThread =
  | { readonly type: "progress"; readonly job: number; readonly comparisons: number }
  | { readonly type: "done"; readonly job: number; readonly index: number; readonly pairs: SimilarPairs }
  | { readonly type: "stopped"; readonly job: number }
  | { readonly type: "failed"; readonly job: number; readonly error: ThreadError };

/** The parts of an error, because an error object loses its class between threads. */
export interface ThreadError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: ErrorDetails;
}
