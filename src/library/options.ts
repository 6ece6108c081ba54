import { invalidOption } from "../core/errors.js";
import { checkKernelName } from "../core/kernel/choose-kernel.js";
import type { KernelName } from "../core/kernel/kernel.js";
import { checkThreshold } from "../core/overlap-limits.js";
import { platform } from "./platform.js";

/** Progress of a comparison, in pairs of records. */
export interface Progress {
  /** Comparisons done so far, 0 to `total`. */
  readonly comparisons: number;
  /** All comparisons; pairs that share several blocks count once per block. */
  readonly total: number;
}

export interface CompareOptions {
  /** Pairs with a Dice similarity of at least this are candidates; above 0, up to 1. */
  readonly threshold: number;
  /**
   * Keep at most this many candidates per left record and pair of data sets, the best ones; at least 1. Default: all.
   */
  readonly k?: number;
  /** Use this kernel, even if it is slower. Default: the fastest for the data. */
  readonly kernel?: KernelName;
  /**
   * Number of threads, 1 to 256; 1 is the calling thread, which yields to its event loop about every 16 ms. Default:
   * all of the machine's threads for large data sets, 1 for small ones. Results do not depend on it.
   */
  readonly threads?: number;
  /** With more candidate pairs than this, the comparison fails with `too-many-candidates`. Default: 500 million. */
  readonly maxCandidates?: number;
  /** Called from time to time, and once at the end. */
  readonly onProgress?: (progress: Progress) => void;
  /** Stops the comparison within a tile of work; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** 500 million pairs take 12 GB. Callers with less memory set a lower limit. */
const DEFAULT_MAX_CANDIDATES = 500_000_000;
const MAX_THREADS = 256;
/** By kernel: the cost, in comparisons, below which the calling thread finishes before threads have started. */
const MIN_COST_FOR_THREADS = { "bit-sliced": 100_000_000, scalar: 5_000_000, reference: 500_000 };

export interface CheckedOptions extends CompareOptions {
  readonly maxCandidates: number;
  /** The number of threads for a plan of this cost, in comparisons, with this kernel. */
  readonly threadsFor: (cost: number, kernel: KernelName) => number;
}

/** Checks options and fills in defaults. Throws `invalid-option`, naming the option. */
export function checkOptions(options: CompareOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw invalidOption("options", "an object with a threshold", options);
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
    threadsFor: (cost, kernel) => options.threads ?? (cost < MIN_COST_FOR_THREADS[kernel] ? 1 : available),
  };
}

function checkCount(name: string, value: number | undefined, max: number): void {
  if (value === undefined) return;
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw invalidOption(name, `a whole number from 1 to ${max}`, value);
  }
}
