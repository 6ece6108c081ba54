import { overlappingRows, type RowBlocks, type Rows, randomBlocks } from "../service/data.js";

export const THRESHOLD = 0.8;
/** Projects begin within this time. */
const BEGIN_MS = 8000;
/** How long sending an upload takes, at most. */
const UPLOAD_MS = 2500;

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

/** @param below gives whole numbers below a limit */
export function someCase(below: (limit: number) => number): Case {
  const counts = [100 + below(5000), 100 + below(5000)];
  const usesBlocking = below(3) === 0;
  const seed = below(1_000_000);
  const form = () => (below(2) === 0 ? "clks" : "binaryclks");
  return {
    startMs: below(BEGIN_MS),
    uploadMs: below(UPLOAD_MS),
    resultType: below(2) === 0 ? "groups" : "similarity_scores",
    parties: overlappingRows(seed, counts, 128).map((rows, party) =>
      usesBlocking ? { ...rows, blocks: randomBlocks(seed + party, counts[party]!, 40) } : rows,
    ),
    runsFirst: below(2) === 0,
    forms: [form(), form()],
  };
}
