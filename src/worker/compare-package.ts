import type { BlockIndex } from "../core/blocks.js";
import { type CandidatePairs, candidateCount, dropDuplicates } from "../core/candidate-pairs.js";
import { mergeCandidatePairs } from "../core/candidates/merge-candidates.js";
import type { ClkInput } from "../core/clk-format.js";
import { type CompareOptions, findCandidatePairs } from "../library/node.js";
import type { StoredBlocks, StoredEncodings } from "../linkage/encoding-store.js";
import type { Chunk, ChunkSide } from "./work-package.js";

/** The result of a comparison. */
export interface ChunkResult {
  /** In the total order, each pair once, with the package's data set indices, and entity ids as records. */
  readonly pairs: CandidatePairs;
  /** Pairs of records compared; pairs that share several blocks count once per block. */
  readonly comparisons: number;
}

/** A party's blocks, and the position of each block id among them. */
export interface LoadedBlocks {
  readonly stored: StoredBlocks;
  readonly positions: ReadonlyMap<number, number>;
}

/** Options of a comparison. There is no `k`, because its meaning would depend on the chunks. */
export type ChunkOptions = Pick<CompareOptions, "threshold" | "threads" | "signal"> & {
  readonly maxCandidates: number;
};

/** Compares all records of one side with all of the other. Throws like the library's `findCandidatePairs`. */
export async function compareChunk(
  { left, right }: Chunk,
  leftEncodings: StoredEncodings,
  rightEncodings: StoredEncodings,
  options: ChunkOptions,
): Promise<ChunkResult> {
  const inputs = [{ dataset: leftEncodings.dataset }, { dataset: rightEncodings.dataset }];
  const { pairs, statistics } = await findCandidatePairs(inputs, options);
  const named = namePairs(pairs, left, leftEncodings, right, rightEncodings);
  return { pairs: named, comparisons: statistics.comparisons };
}

/**
 * Compares the blocks of a package, two parties at a time.
 *
 * @param blocksOf the loaded blocks of each party in the package, by `dataproviderId`
 */
export async function compareBlocks(
  chunks: readonly Chunk[],
  blocksOf: ReadonlyMap<number, LoadedBlocks>,
  options: ChunkOptions,
): Promise<ChunkResult> {
  const lists: CandidatePairs[] = [];
  let comparisons = 0;
  let found = 0;
  for (const group of groupByParties(chunks)) {
    const { left, right } = group[0]!;
    const leftBlocks = blocksOf.get(left.dataproviderId)!;
    const rightBlocks = blocksOf.get(right.dataproviderId)!;
    const sides = (side: "left" | "right") => group.map((chunk) => chunk[side].blockId);
    const inputs: ClkInput[] = [
      { dataset: leftBlocks.stored.dataset, blocks: numberBlocks(leftBlocks, sides("left")) },
      { dataset: rightBlocks.stored.dataset, blocks: numberBlocks(rightBlocks, sides("right")) },
    ];
    // The library requires a limit of at least 1; the caller's own check catches the one pair too many.
    const maxCandidates = Math.max(1, options.maxCandidates - found);
    const { pairs, statistics } = await findCandidatePairs(inputs, { ...options, maxCandidates });
    found += candidateCount(pairs);
    comparisons += statistics.comparisons;
    lists.push(namePairs(pairs, left, leftBlocks.stored, right, rightBlocks.stored));
  }
  const pairs = lists.length === 1 ? lists[0]! : dropDuplicates(mergeCandidatePairs(lists));
  return { pairs, comparisons };
}

/** The chunks of every two parties, in the order in which the package names them. */
function groupByParties(chunks: readonly Chunk[]): Chunk[][] {
  const groups = new Map<string, Chunk[]>();
  for (const chunk of chunks) {
    const { left, right } = chunk;
    const key = [left.dataproviderId, left.datasetIndex, right.dataproviderId, right.datasetIndex].join(":");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [chunk]);
    else group.push(chunk);
  }
  return [...groups.values()];
}

/**
 * The blocks of one side, named by their position in the package: the two parties' parts of a block have different ids,
 * but blocks to compare must have the same name.
 */
function numberBlocks({ stored, positions }: LoadedBlocks, blockIds: readonly number[]): BlockIndex {
  const { starts: from, records } = stored;
  const starts = new Uint32Array(blockIds.length + 1);
  blockIds.forEach((blockId, n) => {
    const position = positions.get(blockId)!;
    starts[n + 1] = starts[n]! + from[position + 1]! - from[position]!;
  });
  const all = new Uint32Array(starts[blockIds.length]!);
  blockIds.forEach((blockId, n) => {
    const position = positions.get(blockId)!;
    all.set(records.subarray(from[position]!, from[position + 1]!), starts[n]!);
  });
  return { names: blockIds.map((_, n) => String(n)), starts, records: all };
}

/**
 * Gives pairs the package's data set indices and entity ids, in place, because this call owns them. Entity ids ascend
 * with the records, so the order is kept.
 */
function namePairs(
  pairs: CandidatePairs,
  left: ChunkSide,
  leftEncodings: StoredEncodings,
  right: ChunkSide,
  rightEncodings: StoredEncodings,
): CandidatePairs {
  pairs.leftDatasets.fill(left.datasetIndex);
  pairs.rightDatasets.fill(right.datasetIndex);
  replaceRecords(pairs.leftRecords, leftEncodings.entityIds);
  replaceRecords(pairs.rightRecords, rightEncodings.entityIds);
  return pairs;
}

function replaceRecords(records: Uint32Array, entityIds: Uint32Array): void {
  for (let n = 0; n < records.length; n++) records[n] = entityIds[records[n]!]!;
}
