import type { RunState } from "../linkage/run.js";

/** Whether nothing is left to do for a run; `undefined` is the state of a deleted run. */
export function hasEnded(state: RunState | undefined): state is "completed" | "error" | undefined {
  return state === undefined || state === "completed" || state === "error";
}
