import { overlappingRows, type RowBlocks, type Rows, randomBlocks } from "../service/data.js";

export const THRESHOLD = 0.8;
/** The least number of rows in an upload. */
const LEAST_RECORDS = 100;

/** A project of two parties, and how its clients go about it. */
export interface Case {
  /** Milliseconds after the round's begin at which the project is made. */
  readonly startMs: number;
  /** How long sending an upload takes, in milliseconds. */
  readonly uploadMs: number;
  readonly resultType: "groups" | "similarity_scores";
  readonly parties: readonly BlockedRows[];
  /** Whether the run comes before the data. */
  readonly runsFirst: boolean;
  /** Of parties without blocks. */
  readonly forms: readonly ("clks" | "binaryclks")[];
}

export type BlockedRows = Rows & { readonly blocks?: RowBlocks };

/**
 * A case by chance.
 *
 * @param below gives whole numbers below a limit
 * @param most milliseconds and rows, at most
 */
export function someCase(
  below: (limit: number) => number,
  most: { readonly startMs: number; readonly uploadMs: number; readonly recordCount: number },
): Case {
  const count = () => LEAST_RECORDS + below(most.recordCount - LEAST_RECORDS);
  const counts = [count(), count()];
  const usesBlocking = below(3) === 0;
  const seed = below(1_000_000);
  const form = () => (below(2) === 0 ? "clks" : "binaryclks");
  return {
    startMs: below(most.startMs),
    uploadMs: below(most.uploadMs),
    resultType: below(2) === 0 ? "groups" : "similarity_scores",
    parties: overlappingRows(seed, counts, 128).map((rows, party) =>
      usesBlocking ? { ...rows, blocks: randomBlocks(seed + party, counts[party]!, 40) } : rows,
    ),
    runsFirst: below(2) === 0,
    forms: [form(), form()],
  };
}
