import { overlappingRows, type RowBlocks, type Rows, randomBlocks } from "../service/data.js";

export const THRESHOLD = 0.8;
/** The minimum number of records in an upload. */
const MIN_RECORDS = 100;

/** A project of two parties, and what its client does. */
export interface Case {
  /** Milliseconds from the start of the round until the project is created. */
  readonly startMs: number;
  /** How long sending an upload takes, in milliseconds. */
  readonly uploadMs: number;
  readonly resultType: "groups" | "similarity_scores";
  readonly parties: readonly BlockedRows[];
  /** Whether the run is requested before the data is uploaded. */
  readonly runsFirst: boolean;
  /** The upload format of each party; used only without blocks. */
  readonly forms: readonly ("clks" | "binaryclks")[];
}

export type BlockedRows = Rows & { readonly blocks?: RowBlocks };

/**
 * Returns a random case.
 *
 * @param below returns random integers from 0 to below a limit
 * @param most upper limits, in milliseconds and records
 */
export function someCase(
  below: (limit: number) => number,
  most: { readonly startMs: number; readonly uploadMs: number; readonly recordCount: number },
): Case {
  const count = () => MIN_RECORDS + below(most.recordCount - MIN_RECORDS);
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
