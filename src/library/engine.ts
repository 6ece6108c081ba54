import { runTask } from "../core/comparison.js";
import { LinkageError } from "../core/errors.js";
import { Kernels } from "../core/kernel/kernels.js";
import type { MatchCollector } from "../core/kernel/match-collector.js";
import { compileModules } from "../core/kernel/wasm-modules.js";
import type { ComparisonPlan } from "../core/plan-comparison.js";
import { eventLoopTurn, TURN_INTERVAL_MS } from "./event-loop.js";
import { platform } from "./platform.js";
import { ThreadPool } from "./thread-pool.js";

/** What a run needs to know beside its plan. */
export interface RunOptions {
  readonly threads: number;
  readonly limit: number;
  readonly onComparisons: (comparisons: number) => void;
  readonly signal: AbortSignal | undefined;
}

let kernelsOfThisThread: Promise<Kernels> | undefined;
let pool: ThreadPool | undefined;
/** Kernels of one thread share a memory, so runs on the calling thread come one after the other. */
let lastRun: Promise<unknown> = Promise.resolve();

/** The kernels of the calling thread; compiled at the first call. */
export function loadKernels(): Promise<Kernels> {
  kernelsOfThisThread ??= compileModules().then((modules) => Kernels.load(modules));
  return kernelsOfThisThread;
}

/**
 * Runs a plan on this many threads: 1 is the calling thread, with a turn of the event loop every few milliseconds;
 * more are the pool's. Where threads cannot be started (a content security policy, say), the calling thread does it.
 *
 * @returns the number of threads that did the work
 */
export async function runPlan(
  plan: ComparisonPlan,
  matches: MatchCollector,
  options: RunOptions,
): Promise<number> {
  const current = platform();
  if (options.threads > 1 && current !== undefined) {
    const modules = await compileModules();
    pool ??= new ThreadPool(current, modules);
    const threads = pool;
    try {
      await threads.run(plan, options.threads, matches, options.limit, options.onComparisons, options.signal);
      return Math.min(options.threads, Math.max(1, plan.tasks.length));
    } catch (error) {
      const refused =
        error instanceof LinkageError && error.code === "thread-failed" && !threads.everAnswered;
      if (!refused) throw error;
    }
  }
  const run = lastRun.then(() => runHere(plan, matches, options));
  lastRun = run.catch(() => {});
  await run;
  return 1;
}

/**
 * Ends the threads that the library keeps for the next comparison, and fails comparisons in work with
 * `thread-failed`. Never needed for a Node process to end; frees the memory of threads in a page that lives on.
 */
export function closeThreads(): void {
  pool?.close();
  pool = undefined;
}

async function runHere(plan: ComparisonPlan, matches: MatchCollector, options: RunOptions): Promise<void> {
  const kernels = await loadKernels();
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
}
