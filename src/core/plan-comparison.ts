import { type BlockIndex, matchBlocks } from "./blocks.js";
import { allocateUint32 } from "./clk-dataset.js";
import type { Comparison, ComparisonTask } from "./comparison.js";
import { LEAST_COMPARISONS_TO_SLICE } from "./kernel/choose-kernel.js";
import type { CountedDataset, KernelName } from "./kernel/kernel.js";
import { orderByPopcount } from "./kernel/popcount-order.js";
import type { OverlapLimits } from "./overlap-limits.js";
import { bordersByWork, estimateWork } from "./split-by-work.js";

/** A comparison, cut into tasks that any number of threads can share. */
export interface ComparisonPlan {
  readonly comparison: Comparison;
  readonly tasks: readonly ComparisonTask[];
  /** Pairs of records to compare; those that share several blocks count once a block. */
  readonly comparisons: number;
  /** What the comparisons cost, fetching the rows of small blocks included; in comparisons. */
  readonly cost: number;
  /** The kernel of most comparisons. */
  readonly kernel: KernelName;
}

/** Block pairs below both limits are small: many of them go to the scalar kernel in one call. */
const SMALL_BLOCK_COMPARISONS = LEAST_COMPARISONS_TO_SLICE;
const SMALL_BLOCK_ROWS = 4096;
/** With fewer rows on one side, the scalar kernel compares a large block pair. */
const LEAST_ROWS_TO_SLICE = 64;
/** Comparisons in a task of small blocks. */
const BLOCKS_TASK_COMPARISONS = 2_000_000;
const BLOCKS_TASK_PAIRS = 100_000;
/** Fetching the rows of a block pair takes as long as so many comparisons. */
const BLOCK_PAIR_COST = 16;
/** Rows below which a bit-sliced task is not split further: its preparation would dominate. */
const LEAST_TASK_ROWS = 2048;
const MOST_TASK_ROWS = 32_768;
/** Work of a bit-sliced task, in planes, that makes the preparation of one more task small: about 0.1 s. */
const TASK_WORK = 2e10;
const MOST_TASKS_PER_THREAD = 4;

/** Plans the comparison of every left row with every right row. */
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
    const rounds = Math.min(MOST_TASKS_PER_THREAD, Math.round(work.total / threads / TASK_WORK));
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
  // Rows with many set bits have more matches than the estimate knows of: they go first, and the small rest fills up.
  tasks.reverse();
  return { comparison, tasks: comparisons === 0 ? [] : tasks, comparisons, cost: comparisons, kernel };
}

/** Plans the comparison of the rows that share a block. */
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
  // Small blocks are the scalar kernel's whatever was chosen, unless WASM is missing.
  const most = kernel === "reference" || 2 * inRows > comparisons ? kernel : "scalar";
  return { comparison, tasks, comparisons, cost: comparisons + small * BLOCK_PAIR_COST, kernel: most };
}

/** A large block pair as tasks; short ones go to the scalar kernel. */
function splitRows(
  chosen: KernelName,
  leftFrom: number,
  leftTo: number,
  rightFrom: number,
  rightTo: number,
): ComparisonTask[] {
  const tasks: ComparisonTask[] = [];
  const rightCount = rightTo - rightFrom;
  const narrow = Math.min(leftTo - leftFrom, rightCount) < LEAST_ROWS_TO_SLICE;
  const kernel = chosen === "bit-sliced" && narrow ? "scalar" : chosen;
  for (let from = leftFrom; from < leftTo; from += MOST_TASK_ROWS) {
    const to = Math.min(leftTo, from + MOST_TASK_ROWS);
    const comparisons = (to - from) * rightCount;
    tasks.push({ kind: "rows", kernel, leftFrom: from, leftTo: to, rightFrom, rightTo, comparisons });
  }
  return tasks;
}

/**
 * As many tasks as threads, or a multiple of it, so that no thread is left with one more than the others.
 *
 * @param leastRounds tasks for each thread, if the rows are enough
 */
function taskCount(rows: number, threads: number, leastRounds = 1): number {
  if (threads === 1) return 1;
  const rounds = Math.max(leastRounds, 1, Math.ceil(rows / (threads * MOST_TASK_ROWS)));
  return Math.max(1, Math.min(rounds * threads, Math.floor(rows / LEAST_TASK_ROWS) || threads));
}

function evenBorders(rows: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, n) => Math.round((n * rows) / parts));
}
