import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CandidatePairs } from "../core/candidate-pairs.js";
import { type ErrorCode, type ErrorDetails, LinkageError } from "../core/errors.js";
import { type PermutationTexts, permuteRows, type SolvedGroups, solvePairs } from "./solving.js";
import { SOLVING_THREAD_SOURCE } from "./solving-thread-source.generated.js";

/** The work of a thread. */
export type ThreadWork =
  | { readonly type: "solve"; readonly pairs: CandidatePairs; readonly recordCounts: readonly number[] }
  | { readonly type: "permute"; readonly groups: string; readonly recordCounts: readonly [number, number] };

/** A thread's answer: a result, or the parts of a LinkageError. */
export type ThreadAnswer =
  | { readonly result: SolvedGroups | PermutationTexts }
  | { readonly error: ErrorDetails & { readonly code: ErrorCode; readonly message: string } };

export interface SolveOptions {
  /** Stops the thread; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Pairs, or records, up to which no thread is started, because starting one would take longer. Default: 20,000. */
  readonly maxInline?: number;
}

const MAX_INLINE = 20_000;

/**
 * Like {@link solvePairs}, but solves many pairs in a thread, so that the event loop continues.
 *
 * @param pairs whole arrays, which are transferred to the thread and cannot be used afterwards
 */
export async function solveInThread(
  pairs: CandidatePairs,
  recordCounts: readonly number[],
  { signal, maxInline = MAX_INLINE }: SolveOptions = {},
): Promise<SolvedGroups> {
  signal?.throwIfAborted();
  if (pairs.scores.length <= maxInline) return solvePairs(pairs, recordCounts);
  const columns = Object.values(pairs) as CandidatePairs[keyof CandidatePairs][];
  const buffers = columns.map(({ buffer }) => buffer as ArrayBuffer);
  return (await inThread({ type: "solve", pairs, recordCounts }, buffers, signal)) as SolvedGroups;
}

/** Like {@link permuteRows}, but permutes many records in a thread, so that the event loop continues. */
export async function permuteInThread(
  groups: string,
  recordCounts: readonly [number, number],
  { signal, maxInline = MAX_INLINE }: SolveOptions = {},
): Promise<PermutationTexts> {
  signal?.throwIfAborted();
  if (Math.max(...recordCounts) <= maxInline) return permuteRows(groups, recordCounts);
  return (await inThread({ type: "permute", groups, recordCounts }, [], signal)) as PermutationTexts;
}

/** @throws LinkageError what the work throws; `thread-failed` if the thread dies, for example when out of memory */
async function inThread(work: ThreadWork, transferList: ArrayBuffer[], signal: AbortSignal | undefined) {
  // The program needs none of this process's loaders or flags.
  const thread = new Worker(SOLVING_THREAD_SOURCE, {
    eval: true,
    execArgv: [],
    workerData: work,
    transferList,
  });
  try {
    const [answer] = (await Promise.race([
      once(thread, "message", { signal }),
      once(thread, "exit").then(([code]) => Promise.reject(threadFailed(`exit code ${code}`))),
    ])) as [ThreadAnswer];
    if ("result" in answer) return answer.result;
    const { code, message, ...details } = answer.error;
    throw new LinkageError(code, message, details);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof LinkageError ? error : threadFailed(String(error));
  } finally {
    await thread.terminate();
  }
}

function threadFailed(reason: string): LinkageError {
  return new LinkageError("thread-failed", `A thread stopped before its work was done: ${reason}.`);
}
