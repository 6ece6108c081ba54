import { mergeSimilarPairs } from "../core/candidates/merge-similar-pairs.js";
import type { SimilarPairs } from "../core/candidates/similar-pairs.js";
import { runTask } from "../core/comparison.js";
import { LinkageError } from "../core/errors.js";
import { Kernels } from "../core/kernel/kernels.js";
import { MatchCollector } from "../core/kernel/match-collector.js";
import { compileModules } from "../core/kernel/wasm-modules.js";
import type { ComparisonPlan } from "../core/plan-comparison.js";
import { eventLoopTurn, TURN_INTERVAL_MS } from "./event-loop.js";
import { platform } from "./platform.js";
import { ThreadPool } from "./thread-pool.js";

/** Options for running a plan. */
export interface RunOptions {
  readonly threads: number;
  /** Maximum number of pairs to accept. */
  readonly limit: number;
  readonly onComparisons: (comparisons: number) => void;
  readonly signal: AbortSignal | undefined;
}

let kernelsOfThisThread: Promise<Kernels> | undefined;
let pool: ThreadPool | undefined;
/** The kernels of one thread share a memory, so plans on the calling thread run one after another. */
let lastRun: Promise<unknown> = Promise.resolve();

/** The kernels of the calling thread, compiled on the first call. */
export function loadKernels(): Promise<Kernels> {
  kernelsOfThisThread ??= compileModules().then((modules) => Kernels.load(modules));
  return kernelsOfThisThread;
}

/** The result of running a plan. */
export interface RunResult {
  /** Sorted by score descending, then left record and right record ascending. */
  readonly pairs: SimilarPairs;
  /** The number of threads that did the work. */
  readonly threads: number;
}

/**
 * Runs a plan on `options.threads` threads: 1 is the calling thread, which yields to the event loop every few
 * milliseconds; more come from the pool. If threads cannot be started (because of a content security policy, for
 * example), the calling thread does the work. Each thread sorts the pairs it finds.
 */
export async function runPlan(plan: ComparisonPlan, options: RunOptions): Promise<RunResult> {
  const current = platform();
  if (options.threads > 1 && current !== undefined) {
    const modules = await compileModules();
    pool ??= new ThreadPool(current, modules);
    const threads = pool;
    try {
      const { limit, onComparisons, signal } = options;
      const lists = await threads.run(plan, options.threads, limit, onComparisons, signal);
      const count = Math.min(options.threads, Math.max(1, plan.tasks.length));
      return { pairs: mergeSimilarPairs(lists), threads: count };
    } catch (error) {
      const refused =
        error instanceof LinkageError && error.code === "thread-failed" && !threads.everAnswered;
      if (!refused) throw error;
    }
  }
  const run = lastRun.then(() => runHere(plan, options));
  lastRun = run.catch(() => {});
  return { pairs: await run, threads: 1 };
}

/**
 * Terminates the threads that the library keeps for the next comparison, and fails comparisons in progress with
 * `thread-failed`. A Node process exits without this; in a long-lived page it frees the memory of the threads.
 */
export function closeThreads(): void {
  pool?.close();
  pool = undefined;
}

async function runHere(plan: ComparisonPlan, options: RunOptions): Promise<SimilarPairs> {
  const kernels = await loadKernels();
  const matches = new MatchCollector(options.limit);
  const { signal, onComparisons } = options;
  let lastTurn = performance.now();
  for (const task of plan.tasks) {
    signal?.throwIfAborted();
    for (const done of runTask(plan.comparison, task, kernels.get(task.kernel), matches)) {
      onComparisons(done);
      if (performance.now() - lastTurn < TURN_INTERVAL_MS) continue;
      await eventLoopTurn();
      signal?.throwIfAborted();
      lastTurn = performance.now();
    }
  }
  return kernels.sort(matches.take());
}
