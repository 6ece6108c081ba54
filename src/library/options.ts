import { describeValue, LinkageError } from "../core/errors.js";
import { checkKernelName } from "../core/kernel/choose-kernel.js";
import type { KernelName } from "../core/kernel/kernel.js";
import { checkThreshold } from "../core/overlap-limits.js";
import { platform } from "./platform.js";

/** How far a comparison has come, in pairs of records. */
export interface Progress {
  /** Comparisons done so far, 0 to `total`. */
  readonly comparisons: number;
  /** All comparisons; pairs that share several blocks count once a block. */
  readonly total: number;
}

export interface CompareOptions {
  /** Pairs with a Dice similarity of at least this are candidates; above 0, up to 1. */
  readonly threshold: number;
  /** Keep at most so many candidates for each left record, the best ones; at least 1. Default: all. */
  readonly k?: number | undefined;
  /** Use this kernel, whatever it costs. Default: the fastest for the data. */
  readonly kernel?: KernelName | undefined;
  /**
   * Threads to use, 1 to 256; 1 is the calling thread, which lets its event loop turn every 16 ms or so. Default: all
   * the machine's for large data sets, 1 for small ones. Results do not depend on it.
   */
  readonly threads?: number | undefined;
  /** More candidate pairs than this fail the comparison with `too-many-candidates`. Default: 500 million. */
  readonly maxCandidates?: number | undefined;
  /** Called now and then, and once at the end. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** Stops the comparison within a tile of work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** 500 million pairs: 12 GB. Callers with less memory set less. */
const DEFAULT_MAX_CANDIDATES = 500_000_000;
const MAX_THREADS = 256;
/** The cost, in comparisons, below which the calling thread is done before threads have started, by kernel. */
const LEAST_COST_FOR_THREADS = { "bit-sliced": 100_000_000, scalar: 5_000_000, reference: 500_000 };

export interface CheckedOptions extends CompareOptions {
  readonly maxCandidates: number;
  /** How many threads to use for a plan of this cost, in comparisons, by this kernel. */
  readonly threadsFor: (cost: number, kernel: KernelName) => number;
}

/** Checks options and fills in defaults. Throws `invalid-option`, naming the option. */
export function checkOptions(options: CompareOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new LinkageError("invalid-option", "options", "an object with a threshold", describeValue(options));
  }
  checkThreshold(options.threshold);
  checkKernelName(options.kernel);
  checkCount("k", options.k, Number.MAX_SAFE_INTEGER);
  checkCount("threads", options.threads, MAX_THREADS);
  checkCount("maxCandidates", options.maxCandidates, Number.MAX_SAFE_INTEGER);
  const available = Math.min(MAX_THREADS, Math.max(1, platform()?.threadCount() ?? 1));
  return {
    ...options,
    maxCandidates: options.maxCandidates ?? DEFAULT_MAX_CANDIDATES,
    threadsFor: (cost, kernel) => options.threads ?? (cost < LEAST_COST_FOR_THREADS[kernel] ? 1 : available),
  };
}

function checkCount(name: string, value: number | undefined, most: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < 1 || value > most) {
    throw new LinkageError("invalid-option", name, `a whole number from 1 to ${most}`, describeValue(value));
  }
}
