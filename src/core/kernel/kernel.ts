import type { ClkDataset } from "../clk-dataset.js";
import type { OverlapLimits } from "../overlap-limits.js";
import type { MatchCollector } from "./match-collector.js";

/**
 * The ways to compare CLKs, fastest first: `bit-sliced` (WASM with SIMD, 128 rows at once), `scalar` (WASM, pair by
 * pair), `reference` (plain TypeScript, if WASM is forbidden). All find the same pairs with the same scores.
 */
export const KERNEL_NAMES = ["bit-sliced", "scalar", "reference"] as const;
export type KernelName = (typeof KERNEL_NAMES)[number];

/** A data set and the set bits of each record, which are counted only once. */
export interface CountedDataset {
  readonly dataset: ClkDataset;
  /** Set bits of each record; at most 32,768. */
  readonly popcounts: Uint16Array;
}

/** A range of records of a data set: `order[from … to)`, or `from … to` themselves if there is no order. */
export interface RowRange extends CountedDataset {
  readonly order?: Uint32Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Pairs of small blocks: block pair `n` compares the records `leftOrder[bounds[4 n] … bounds[4 n + 1])` with
 * `rightOrder[bounds[4 n + 2] … bounds[4 n + 3])`.
 */
export interface BlockPairs {
  readonly left: CountedDataset;
  readonly leftOrder: Uint32Array;
  readonly right: CountedDataset;
  readonly rightOrder: Uint32Array;
  readonly bounds: Uint32Array;
  readonly from: number;
  readonly to: number;
}

/**
 * Compares rows on the calling thread. At least once per tile of work, the generators yield the number of comparisons
 * done since the last yield, so that a caller can stop, report progress or let other work run.
 */
export interface Kernel {
  readonly name: KernelName;
  /** Counts the set bits of every record. */
  popcounts(dataset: ClkDataset): Uint16Array;
  /** Compares every left row with every right row. */
  compareRows(
    left: RowRange,
    right: RowRange,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void>;
  /** Compares the rows of each block pair with each other. */
  compareBlocks(blocks: BlockPairs, limits: OverlapLimits, matches: MatchCollector): Generator<number, void>;
}
