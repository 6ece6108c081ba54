import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { CandidatePairs } from "../core/candidate-pairs.js";
import { type ErrorCode, LinkageError } from "../core/errors.js";
import { type PermutationTexts, permuteRows, type SolvedGroups, solvePairs } from "./solving.js";
import { SOLVING_THREAD_SOURCE } from "./solving-thread-source.generated.js";

/** What the thread does. */
export type ThreadWork =
  | { readonly type: "solve"; readonly pairs: CandidatePairs; readonly recordCounts: readonly number[] }
  | { readonly type: "permute"; readonly groups: string; readonly recordCounts: readonly [number, number] };

/** What it says: a result, or the parts of a LinkageError. */
export type ThreadAnswer =
  | { readonly result: SolvedGroups | PermutationTexts }
  | { readonly error: { code: ErrorCode; subject: string; expected: string; received: string } };

export interface SolveOptions {
  /** Ends the thread; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Pairs, or rows, up to which no thread is started, as that would take longer than they do. Default: 20,000. */
  readonly mostHere?: number | undefined;
}

const MOST_HERE = 20_000;

/**
 * As {@link solvePairs}, while the event loop goes on.
 *
 * @param pairs whole arrays, which go over to the thread: they are of no use afterwards
 */
export async function solveInThread(
  pairs: CandidatePairs,
  recordCounts: readonly number[],
  { signal, mostHere = MOST_HERE }: SolveOptions = {},
): Promise<SolvedGroups> {
  signal?.throwIfAborted();
  if (pairs.scores.length <= mostHere) return solvePairs(pairs, recordCounts);
  const columns = Object.values(pairs) as CandidatePairs[keyof CandidatePairs][];
  const buffers = columns.map(({ buffer }) => buffer as ArrayBuffer);
  return (await inThread({ type: "solve", pairs, recordCounts }, buffers, signal)) as SolvedGroups;
}

/** As {@link permuteRows}, while the event loop goes on. */
export async function permuteInThread(
  groups: string,
  recordCounts: readonly [number, number],
  { signal, mostHere = MOST_HERE }: SolveOptions = {},
): Promise<PermutationTexts> {
  signal?.throwIfAborted();
  if (Math.max(...recordCounts) <= mostHere) return permuteRows(groups, recordCounts);
  return (await inThread({ type: "permute", groups, recordCounts }, [], signal)) as PermutationTexts;
}

/** @throws LinkageError what the work throws; `thread-failed` where the thread dies, of too little memory for example */
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
    const { code, subject, expected, received } = answer.error;
    throw new LinkageError(code, subject, expected, received);
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof LinkageError ? error : threadFailed(String(error));
  } finally {
    await thread.terminate();
  }
}

function threadFailed(reason: string): LinkageError {
  return new LinkageError("thread-failed", "thread", "a thread that runs until its work is done", reason);
}
