import { type BlockIndex, matchBlocks } from "./blocks.js";
import { allocateUint32 } from "./clk-dataset.js";
import type { Comparison, ComparisonTask } from "./comparison.js";
import { MIN_COMPARISONS_TO_SLICE } from "./kernel/choose-kernel.js";
import type { CountedDataset, KernelName } from "./kernel/kernel.js";
import { orderByPopcount } from "./kernel/popcount-order.js";
import type { OverlapLimits } from "./overlap-limits.js";
import { bordersByWork, estimateWork } from "./split-by-work.js";

/** A comparison, split into tasks that any number of threads can share. */
export interface ComparisonPlan {
  readonly comparison: Comparison;
  readonly tasks: readonly ComparisonTask[];
  /** Pairs of records to compare; those that share several blocks count once per block. */
  readonly comparisons: number;
  /** The cost of the comparisons, including fetching the records of small blocks, in units of comparisons. */
  readonly cost: number;
  /** The kernel used for most comparisons. */
  readonly kernel: KernelName;
}

/** Block pairs within both limits are small: the scalar kernel compares many of them in one call. */
const SMALL_BLOCK_COMPARISONS = MIN_COMPARISONS_TO_SLICE;
const SMALL_BLOCK_ROWS = 4096;
/** A large block pair with fewer rows than this on one side goes to the scalar kernel. */
const MIN_ROWS_TO_SLICE = 64;
/** Comparisons, and block pairs, after which a task of small blocks is full. */
const BLOCKS_TASK_COMPARISONS = 2_000_000;
const BLOCKS_TASK_PAIRS = 100_000;
/** Fetching the rows of a block pair takes as long as this many comparisons. */
const BLOCK_PAIR_COST = 16;
/** Rows below which a bit-sliced task is not split further, because its preparation would dominate. */
const MIN_TASK_ROWS = 2048;
const MAX_TASK_ROWS = 32_768;
/** Work of a bit-sliced task, in planes, that makes the preparation of another task negligible: about 0.1 s. */
const TASK_WORK = 2e10;
const MAX_TASKS_PER_THREAD = 4;

/** Plans the comparison of every left record with every right record. */
export function planAllPairs(
  left: CountedDataset,
  right: CountedDataset,
  limits: OverlapLimits,
  kernel: KernelName,
  threads: number,
): ComparisonPlan {
  const leftCount = left.dataset.recordCount;
  const rightCount = right.dataset.recordCount;
  const comparisons = leftCount * rightCount;
  let comparison: Comparison = { left, right, limits };
  let borders: number[];
  if (kernel === "bit-sliced") {
    const all = (side: CountedDataset) => orderByPopcount({ ...side, from: 0, to: side.dataset.recordCount });
    comparison = { ...comparison, leftOrder: all(left), rightOrder: all(right) };
    const work = estimateWork(left, right, limits);
    const rounds = Math.min(MAX_TASKS_PER_THREAD, Math.round(work.total / threads / TASK_WORK));
    borders = bordersByWork(work, taskCount(leftCount, threads, rounds));
  } else {
    borders = evenBorders(leftCount, taskCount(leftCount, threads));
  }
  const tasks = borders.slice(1).map((leftTo, n) => ({
    kind: "rows" as const,
    kernel,
    leftFrom: borders[n]!,
    leftTo,
    rightFrom: 0,
    rightTo: rightCount,
    comparisons: (leftTo - borders[n]!) * rightCount,
  }));
  // Rows with many set bits have more matches than estimated: they go first, and the small tasks fill up the end.
  tasks.reverse();
  return { comparison, tasks: comparisons === 0 ? [] : tasks, comparisons, cost: comparisons, kernel };
}

/** Plans the comparison of the records that share a block. */
export function planBlocks(
  left: CountedDataset,
  leftBlocks: BlockIndex,
  right: CountedDataset,
  rightBlocks: BlockIndex,
  limits: OverlapLimits,
  kernel: KernelName,
): ComparisonPlan {
  const common = matchBlocks(leftBlocks, rightBlocks);
  const bounds = allocateUint32(4 * common.left.length);
  const tasks: ComparisonTask[] = [];
  let small = 0;
  let taskFrom = 0;
  let inTask = 0;
  let comparisons = 0;
  let inRows = 0;
  const endTask = () => {
    if (small > taskFrom) {
      tasks.push({ kind: "blocks", kernel, from: taskFrom, to: small, comparisons: inTask });
    }
    taskFrom = small;
    inTask = 0;
  };
  for (let n = 0; n < common.left.length; n++) {
    const l = common.left[n]!;
    const r = common.right[n]!;
    const leftFrom = leftBlocks.starts[l]!;
    const leftTo = leftBlocks.starts[l + 1]!;
    const rightFrom = rightBlocks.starts[r]!;
    const rightTo = rightBlocks.starts[r + 1]!;
    const count = (leftTo - leftFrom) * (rightTo - rightFrom);
    comparisons += count;
    if (
      count > SMALL_BLOCK_COMPARISONS ||
      Math.max(leftTo - leftFrom, rightTo - rightFrom) > SMALL_BLOCK_ROWS
    ) {
      inRows += count;
      tasks.push(...splitRows(kernel, leftFrom, leftTo, rightFrom, rightTo));
      continue;
    }
    bounds[4 * small] = leftFrom;
    bounds[4 * small + 1] = leftTo;
    bounds[4 * small + 2] = rightFrom;
    bounds[4 * small + 3] = rightTo;
    small++;
    inTask += count;
    if (inTask >= BLOCKS_TASK_COMPARISONS || small - taskFrom >= BLOCKS_TASK_PAIRS) endTask();
  }
  endTask();
  const comparison = {
    left,
    right,
    limits,
    leftOrder: leftBlocks.records,
    rightOrder: rightBlocks.records,
    bounds: bounds.subarray(0, 4 * small),
  };
  // Small blocks always go to the scalar kernel, unless the reference kernel was chosen.
  const most = kernel === "reference" || 2 * inRows > comparisons ? kernel : "scalar";
  return { comparison, tasks, comparisons, cost: comparisons + small * BLOCK_PAIR_COST, kernel: most };
}

/** Splits a large block pair into tasks; one with few rows on a side goes to the scalar kernel. */
function splitRows(
  chosen: KernelName,
  leftFrom: number,
  leftTo: number,
  rightFrom: number,
  rightTo: number,
): ComparisonTask[] {
  const tasks: ComparisonTask[] = [];
  const rightCount = rightTo - rightFrom;
  const narrow = Math.min(leftTo - leftFrom, rightCount) < MIN_ROWS_TO_SLICE;
  const kernel = chosen === "bit-sliced" && narrow ? "scalar" : chosen;
  for (let from = leftFrom; from < leftTo; from += MAX_TASK_ROWS) {
    const to = Math.min(leftTo, from + MAX_TASK_ROWS);
    const comparisons = (to - from) * rightCount;
    tasks.push({ kind: "rows", kernel, leftFrom: from, leftTo: to, rightFrom, rightTo, comparisons });
  }
  return tasks;
}

/**
 * The number of tasks: a multiple of the number of threads, so that no thread gets one more than the others; fewer if
 * there are few rows.
 *
 * @param leastRounds minimum number of tasks per thread, if there are enough rows
 */
function taskCount(rows: number, threads: number, leastRounds = 1): number {
  if (threads === 1) return 1;
  const rounds = Math.max(leastRounds, 1, Math.ceil(rows / (threads * MAX_TASK_ROWS)));
  return Math.max(1, Math.min(rounds * threads, Math.floor(rows / MIN_TASK_ROWS) || threads));
}

function evenBorders(rows: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, n) => Math.round((n * rows) / parts));
}
