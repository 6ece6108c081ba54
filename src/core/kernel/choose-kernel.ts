import { LinkageError, wrongValue } from "../errors.js";
import type { OverlapLimits } from "../overlap-limits.js";
import { fitsBitSliced } from "./bit-sliced-kernel.js";
import { type CountedDataset, KERNEL_NAMES, type KernelName } from "./kernel.js";
import type { Kernels } from "./kernels.js";
import { MatchCollector } from "./match-collector.js";

/** Below this many comparisons, slicing costs more than it saves (measured: bench/kernel-choice.ts). */
export const MIN_COMPARISONS_TO_SLICE = 160_000;
/** If a larger share of the pairs passes, lanes hardly ever die and comparing pair by pair is faster. */
const HIGHEST_SHARE_TO_SLICE = 0.1;
/** Rows per side for estimating the share of passing pairs. */
const SAMPLE_ROWS = 64;

/** Checks a kernel name given by a user; undefined means that the library chooses. Throws `invalid-option`. */
export function checkKernelName(name: string | undefined): KernelName | undefined {
  if (name === undefined || (KERNEL_NAMES as readonly string[]).includes(name))
    return name as KernelName | undefined;
  throw wrongValue("invalid-option", "kernel", `one of ${KERNEL_NAMES.join(", ")}`, `"${name.slice(0, 40)}"`);
}

/**
 * Chooses the fastest kernel for comparing two data sets: bit-sliced for many rows with few passing pairs, otherwise
 * scalar, or the reference if nothing else runs.
 *
 * @param forced a kernel to use even if it is slower
 * @throws LinkageError `kernel-unavailable` if the forced kernel cannot compare these data sets
 */
export function chooseKernel(
  kernels: Kernels,
  left: CountedDataset,
  right: CountedDataset,
  limits: OverlapLimits,
  forced?: KernelName,
): KernelName {
  const highest = Math.max(highestPopcount(left), highestPopcount(right));
  if (forced !== undefined) {
    kernels.get(forced);
    if (forced === "bit-sliced" && !fitsBitSliced(limits, highest)) {
      throw new LinkageError(
        "kernel-unavailable",
        "The bit-sliced kernel needs CLKs of at most 504 bytes and a threshold that allows at most 511 " +
          `misses; here, CLKs have ${limits.bits / 8} bytes and up to ${highest} set bits, ` +
          `and the threshold is ${limits.threshold}.`,
      );
    }
    return forced;
  }
  if (!kernels.has("scalar")) return "reference";
  const comparisons = left.dataset.recordCount * right.dataset.recordCount;
  const slice =
    kernels.has("bit-sliced") &&
    comparisons >= MIN_COMPARISONS_TO_SLICE &&
    fitsBitSliced(limits, highest) &&
    passingShare(kernels, left, right, limits) <= HIGHEST_SHARE_TO_SLICE;
  return slice ? "bit-sliced" : "scalar";
}

function highestPopcount({ popcounts }: CountedDataset): number {
  let highest = 0;
  for (let n = 0; n < popcounts.length; n++) highest = Math.max(highest, popcounts[n]!);
  return highest;
}

/** The share of passing pairs in a sample of a few thousand, spread evenly. */
function passingShare(
  kernels: Kernels,
  left: CountedDataset,
  right: CountedDataset,
  limits: OverlapLimits,
): number {
  const sample = (side: CountedDataset) => {
    const count = Math.min(SAMPLE_ROWS, side.dataset.recordCount);
    const order = Uint32Array.from({ length: count }, (_, n) =>
      Math.floor((n * side.dataset.recordCount) / count),
    );
    return { ...side, order, from: 0, to: count };
  };
  const leftRows = sample(left);
  const rightRows = sample(right);
  const matches = new MatchCollector();
  for (const _ of kernels.get("scalar").compareRows(leftRows, rightRows, limits, matches));
  return matches.count / (leftRows.to * rightRows.to);
}
