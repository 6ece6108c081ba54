import type { BlockIndex } from "../core/blocks.js";
import { type CandidatePairs, candidateCount, dropDuplicates } from "../core/candidate-pairs.js";
import { takeBestPerLeftRecord } from "../core/candidates/best-candidates.js";
import { mergeCandidatePairs } from "../core/candidates/merge-candidates.js";
import { withDatasets } from "../core/candidates/sort-candidates.js";
import { allocateBytes, type ClkDataset } from "../core/clk-dataset.js";
import type { ClkInput } from "../core/clk-format.js";
import { type PopcountSummary, summarizePopcounts } from "../core/describe-dataset.js";
import { LinkageError, wrongValue } from "../core/errors.js";
import { chooseKernel } from "../core/kernel/choose-kernel.js";
import type { CountedDataset, KernelName } from "../core/kernel/kernel.js";
import type { Kernels } from "../core/kernel/kernels.js";
import { type OverlapLimits, overlapLimits } from "../core/overlap-limits.js";
import { type ComparisonPlan, planAllPairs, planBlocks } from "../core/plan-comparison.js";
import { loadKernels, runPlan } from "./engine.js";
import { type CheckedOptions, type CompareOptions, checkOptions } from "./options.js";

/** Statistics of a comparison. */
export interface ComparisonStatistics {
  /** Pairs of records compared; those that share several blocks count once per block. */
  readonly comparisons: number;
  /** Wall-clock time from the call to the sorted result. */
  readonly seconds: number;
  /** The kernel used for most comparisons. */
  readonly kernel: KernelName;
  /** Threads that compared, 1 to 256. */
  readonly threads: number;
  /** For each data set, the number of set bits of its CLKs. */
  readonly popcounts: readonly PopcountSummary[];
}

export interface CompareResult {
  /** In the total order: see {@link CandidatePairs}. */
  readonly pairs: CandidatePairs;
  readonly statistics: ComparisonStatistics;
}

/** A data set as a reader of this library returns it, or a bare one without blocks. */
export type DatasetInput = ClkInput | ClkDataset;

interface CountedInput {
  readonly counted: CountedDataset;
  readonly blocks: BlockIndex | undefined;
}

/**
 * Compares every record of one data set with every record of another.
 *
 * @param left data set 0 of the result
 * @param right data set 1 of the result
 * @returns the pairs whose Dice similarity reaches the threshold, with their exact scores
 * @throws LinkageError `invalid-option`, `mismatched-datasets`, `kernel-unavailable`, `too-many-candidates`,
 *   `thread-failed`, or the reason of the abort signal
 */
export function compare(
  left: ClkDataset,
  right: ClkDataset,
  options: CompareOptions,
): Promise<CompareResult> {
  return findCandidatePairs([{ dataset: left }, { dataset: right }], options);
}

/**
 * Finds the candidate pairs between any number of data sets: each data set with each later one. With blocks, only
 * records that share a block are compared; a pair that shares several is reported once.
 *
 * @param inputs two or more data sets, all with blocks or all without, all of the same byteLength
 * @throws LinkageError as {@link compare}
 */
export async function findCandidatePairs(
  inputs: readonly DatasetInput[],
  options: CompareOptions,
): Promise<CompareResult> {
  const start = performance.now();
  const checked = checkOptions(options);
  const clkInputs = inputs.map((input): ClkInput => ("dataset" in input ? input : { dataset: input }));
  checkInputs(clkInputs);
  checked.signal?.throwIfAborted();

  const kernels = await loadKernels();
  const limits = overlapLimits(checked.threshold, clkInputs[0]!.dataset.byteLength);
  const counted = clkInputs.map(({ dataset, blocks }) => count(kernels, dataset, blocks, checked));
  const plans: { left: number; right: number; plan: ComparisonPlan }[] = [];
  for (let left = 0; left < counted.length; left++) {
    for (let right = left + 1; right < counted.length; right++) {
      plans.push({ left, right, plan: planPair(kernels, counted[left]!, counted[right]!, limits, checked) });
    }
  }

  const comparisons = plans.reduce((sum, { plan }) => sum + plan.comparisons, 0);
  const onComparisons = progressReporter(comparisons, checked);
  const lists: CandidatePairs[] = [];
  let found = 0;
  let threads = 1;
  for (const { left, right, plan } of plans) {
    const run = await runPlan(plan, {
      threads: checked.threadsFor(plan.cost, plan.kernel),
      limit: checked.maxCandidates - found,
      onComparisons,
      signal: checked.signal,
    });
    threads = Math.max(threads, run.threads);
    let pairs = withDatasets(run.pairs, left, right);
    if (plan.comparison.bounds !== undefined) pairs = dropDuplicates(pairs);
    if (checked.k !== undefined) pairs = takeBestPerLeftRecord(pairs, checked.k);
    found += candidateCount(pairs);
    lists.push(pairs);
  }
  const pairs = lists.length === 1 ? lists[0]! : mergeCandidatePairs(lists);
  onComparisons(0, true);
  const most = plans.reduce((a, b) => (b.plan.comparisons > a.plan.comparisons ? b : a));
  const popcounts = counted.map((input) => summaryOf(input.counted));
  const seconds = (performance.now() - start) / 1000;
  return { pairs, statistics: { comparisons, seconds, kernel: most.plan.kernel, threads, popcounts } };
}

function checkInputs(inputs: readonly ClkInput[]): void {
  if (inputs.length < 2) {
    throw wrongValue("mismatched-datasets", "The number of data sets", "2 or more", `${inputs.length}`);
  }
  const [first, ...others] = inputs as [ClkInput, ...ClkInput[]];
  others.forEach((input, n) => {
    const name = `data set ${n + 1}`;
    const mismatch = (message: string) => new LinkageError("mismatched-datasets", message, { subject: name });
    const [width, firstWidth] = [input.dataset.byteLength, first.dataset.byteLength];
    if (width !== firstWidth) {
      throw mismatch(`The CLKs of ${name} have ${width} bytes, but those of data set 0 have ${firstWidth}.`);
    }
    if ((input.blocks === undefined) !== (first.blocks === undefined)) {
      const [withBlocks, without] = input.blocks === undefined ? ["data set 0", name] : [name, "data set 0"];
      throw mismatch(`Only ${withBlocks} has blocks; ${without} has none.`);
    }
  });
}

function count(
  kernels: Kernels,
  dataset: ClkDataset,
  blocks: BlockIndex | undefined,
  options: CheckedOptions,
): CountedInput {
  const kernel = kernels.get(
    kernels.has("scalar") && options.kernel !== "reference" ? "scalar" : "reference",
  );
  const shared = shareBytes(dataset);
  return { counted: { dataset: shared, popcounts: kernel.popcounts(shared) }, blocks };
}

function summaryOf({ dataset, popcounts }: CountedDataset): PopcountSummary {
  const counts = new Uint32Array(8 * dataset.byteLength + 1);
  for (let n = 0; n < popcounts.length; n++) counts[popcounts[n]!]!++;
  return summarizePopcounts(counts, dataset.recordCount);
}

/** The same data set in shared memory, if the platform has it: one copy for all threads instead of one each. */
function shareBytes(dataset: ClkDataset): ClkDataset {
  if (typeof SharedArrayBuffer !== "function" || dataset.bytes.buffer instanceof SharedArrayBuffer)
    return dataset;
  const bytes = allocateBytes(dataset.bytes.length);
  bytes.set(dataset.bytes);
  return { ...dataset, bytes };
}

function planPair(
  kernels: Kernels,
  left: CountedInput,
  right: CountedInput,
  limits: OverlapLimits,
  options: CheckedOptions,
): ComparisonPlan {
  const kernel = chooseKernel(kernels, left.counted, right.counted, limits, options.kernel);
  if (left.blocks !== undefined && right.blocks !== undefined) {
    return planBlocks(left.counted, left.blocks, right.counted, right.blocks, limits, kernel);
  }
  const comparisons = left.counted.dataset.recordCount * right.counted.dataset.recordCount;
  return planAllPairs(left.counted, right.counted, limits, kernel, options.threadsFor(comparisons, kernel));
}

/** Adds up comparisons and reports them; the last report is that all are done. */
function progressReporter(total: number, { onProgress }: CheckedOptions) {
  let comparisons = 0;
  return (done: number, finished = false) => {
    comparisons = finished ? total : Math.min(total, comparisons + done);
    onProgress?.({ comparisons: Math.floor(comparisons), total });
  };
}
