import type { RunState } from "../linkage/run.js";

/** Whether nothing is to be done for a run any more; `undefined` is the state of one that is deleted. */
export function hasEnded(state: RunState | undefined): state is "completed" | "error" | undefined {
  return state === undefined || state === "completed" || state === "error";
}
