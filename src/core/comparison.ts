import type { CountedDataset, Kernel, KernelName, RowRange } from "./kernel/kernel.js";
import type { MatchCollector } from "./kernel/match-collector.js";
import type { OverlapLimits } from "./overlap-limits.js";

/**
 * Two data sets and how to traverse them. Plain data, so that it can be posted to a thread; arrays in shared memory are
 * not copied.
 */
export interface Comparison {
  readonly left: CountedDataset;
  readonly right: CountedDataset;
  readonly limits: OverlapLimits;
  /** Positions → records; undefined if positions are records. */
  readonly leftOrder?: Uint32Array;
  readonly rightOrder?: Uint32Array;
  /** Pairs of small blocks; see `BlockPairs`. */
  readonly bounds?: Uint32Array;
}

/** A part of a comparison that one thread does in one go. */
export type ComparisonTask =
  | {
      readonly kind: "rows";
      readonly kernel: KernelName;
      readonly leftFrom: number;
      readonly leftTo: number;
      readonly rightFrom: number;
      readonly rightTo: number;
      readonly comparisons: number;
    }
  | {
      readonly kind: "blocks";
      readonly kernel: KernelName;
      readonly from: number;
      readonly to: number;
      readonly comparisons: number;
    };

/** Does one task; yields as {@link Kernel} does. */
export function runTask(
  comparison: Comparison,
  task: ComparisonTask,
  kernel: Kernel,
  matches: MatchCollector,
): Generator<number, void> {
  const { left, right, leftOrder, rightOrder, limits } = comparison;
  if (task.kind === "rows") {
    const leftRows: RowRange = { ...left, order: leftOrder, from: task.leftFrom, to: task.leftTo };
    const rightRows: RowRange = { ...right, order: rightOrder, from: task.rightFrom, to: task.rightTo };
    return kernel.compareRows(leftRows, rightRows, limits, matches);
  }
  const blocks = {
    left,
    leftOrder: leftOrder!,
    right,
    rightOrder: rightOrder!,
    bounds: comparison.bounds!,
    from: task.from,
    to: task.to,
  };
  return kernel.compareBlocks(blocks, limits, matches);
}
