import type { SimilarPairs } from "../core/candidates/similar-pairs.js";
import { LinkageError } from "../core/errors.js";
import { checkMatchCount } from "../core/kernel/match-collector.js";
import type { WasmModules } from "../core/kernel/wasm-modules.js";
import type { ComparisonPlan } from "../core/plan-comparison.js";
import type { Platform, Thread } from "./platform.js";
import type { FromThread, ThreadError } from "./thread-protocol.js";
import { THREAD_SOURCE } from "./thread-source.generated.js";

/** A comparison in progress: its tasks are handed out one by one. */
interface Job {
  readonly id: number;
  readonly plan: ComparisonPlan;
  readonly limit: number;
  readonly maxThreads: number;
  /** The pairs of each finished task, sorted. */
  readonly results: SimilarPairs[];
  readonly onComparisons: (comparisons: number) => void;
  readonly settle: (error?: unknown) => void;
  next: number;
  running: number;
  finished: number;
  found: number;
}

interface PooledThread {
  readonly thread: Thread;
  /** Jobs whose comparison the thread has received. */
  readonly known: Set<number>;
  busyWith: number | undefined;
}

/**
 * Threads that are kept between comparisons, because starting one takes longer than many comparisons. Concurrent
 * comparisons take turns, task by task. Idle threads do not keep a process alive.
 */
export class ThreadPool {
  readonly #platform: Platform;
  readonly #modules: WasmModules;
  readonly #threads: PooledThread[] = [];
  readonly #jobs = new Map<number, Job>();
  #lastId = 0;
  #answered = false;

  constructor(platform: Platform, modules: WasmModules) {
    this.#platform = platform;
    this.#modules = modules;
  }

  /** Whether any thread has ever sent a message; if not, the platform refuses threads. */
  get everAnswered(): boolean {
    return this.#answered;
  }

  /**
   * Runs a plan on up to `threads` threads. Resolves to the sorted pairs of each task, in the order of the tasks. On an
   * abort, rejects with its reason; threads then stop within one tile.
   */
  async run(
    plan: ComparisonPlan,
    threads: number,
    limit: number,
    onComparisons: (comparisons: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<SimilarPairs[]> {
    signal?.throwIfAborted();
    if (plan.tasks.length === 0) return [];
    const id = ++this.#lastId;
    const results: SimilarPairs[] = new Array(plan.tasks.length);
    let onAbort = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const settle = (error?: unknown) => (error === undefined ? resolve() : reject(error));
        const counters = { next: 0, running: 0, finished: 0, found: 0 };
        this.#jobs.set(id, {
          id,
          plan,
          limit,
          maxThreads: threads,
          results,
          onComparisons,
          settle,
          ...counters,
        });
        onAbort = () => settle(signal!.reason);
        signal?.addEventListener("abort", onAbort, { once: true });
        try {
          while (this.#threads.length < Math.min(threads, plan.tasks.length)) this.#spawn();
          this.#dispatch();
        } catch (error) {
          settle(threadFailed(String(error)));
        }
      });
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#jobs.delete(id);
      for (const pooled of this.#threads) {
        if (pooled.known.delete(id)) pooled.thread.post({ type: "forget", job: id });
      }
    }
    return results;
  }

  /** Terminates all threads; comparisons in progress fail. The next comparison starts new threads. */
  close(): void {
    for (const { thread } of this.#threads.splice(0)) thread.terminate();
    for (const job of this.#jobs.values()) job.settle(threadFailed("the pool was closed"));
  }

  #spawn(): void {
    const pooled: PooledThread = {
      thread: this.#platform.spawn(
        THREAD_SOURCE,
        (message) => this.#receive(pooled, message),
        (reason) => this.#lose(pooled, reason),
      ),
      known: new Set(),
      busyWith: undefined,
    };
    this.#threads.push(pooled);
    pooled.thread.keepAlive(false);
    pooled.thread.post({ type: "start", modules: this.#modules });
  }

  /** Assigns a task to every idle thread, one job after the other. */
  #dispatch(): void {
    for (const pooled of this.#threads) {
      if (pooled.busyWith !== undefined) continue;
      const job = this.#nextJob();
      if (job === undefined) return;
      if (!pooled.known.has(job.id)) {
        pooled.known.add(job.id);
        const { comparison } = job.plan;
        pooled.thread.post({ type: "comparison", job: job.id, comparison, limit: job.limit });
      }
      const index = job.next++;
      job.running++;
      pooled.busyWith = job.id;
      pooled.thread.keepAlive(true);
      pooled.thread.post({ type: "task", job: job.id, index, task: job.plan.tasks[index]! });
    }
  }

  /** The job that has waited longest; it then moves to the end of the queue. */
  #nextJob(): Job | undefined {
    for (const job of this.#jobs.values()) {
      if (job.next === job.plan.tasks.length || job.running >= job.maxThreads) continue;
      this.#jobs.delete(job.id);
      this.#jobs.set(job.id, job);
      return job;
    }
    return undefined;
  }

  #receive(pooled: PooledThread, message: FromThread): void {
    this.#answered = true;
    const job = this.#jobs.get(message.job);
    if (message.type === "progress") {
      job?.onComparisons(message.comparisons);
      return;
    }
    pooled.busyWith = undefined;
    pooled.thread.keepAlive(false);
    if (job !== undefined) {
      job.running--;
      if (message.type === "failed") job.settle(errorOf(message.error));
      if (message.type === "done") finishTask(job, message.index, message.pairs);
    }
    this.#dispatch();
  }

  /** Handles a thread that died: its job fails, and the thread is replaced when the next job needs one. */
  #lose(pooled: PooledThread, reason: string): void {
    const index = this.#threads.indexOf(pooled);
    if (index < 0) return;
    this.#threads.splice(index, 1);
    pooled.thread.terminate();
    const job = pooled.busyWith === undefined ? undefined : this.#jobs.get(pooled.busyWith);
    job?.settle(threadFailed(reason));
  }
}

function finishTask(job: Job, index: number, pairs: SimilarPairs): void {
  job.results[index] = pairs;
  job.found += pairs.scores.length;
  try {
    checkMatchCount(job.found, job.limit);
    if (++job.finished === job.results.length) job.settle();
  } catch (error) {
    job.settle(error);
  }
}

function threadFailed(reason: string): LinkageError {
  return new LinkageError("thread-failed", `A thread stopped before its work was done: ${reason}.`);
}

function errorOf({ code, message, details }: ThreadError): LinkageError {
  return new LinkageError(code, message, details);
}
