import { allocateBytes, type ClkDataset } from "../clk-dataset.js";
import type { BlockPairs, Kernel, RowRange } from "../kernel/kernel.js";
import type { MatchCollector } from "../kernel/match-collector.js";
import { diceScore, type OverlapLimits } from "../overlap-limits.js";

/** Set bits of each byte value. */
const BYTE_POPCOUNTS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
});

const STEP_COMPARISONS = 2 ** 18;

/**
 * The comparison by its definition, in plain TypeScript, byte by byte: the test oracle of every other kernel, and the
 * fallback if a content security policy forbids WebAssembly.
 */
export class ReferenceKernel implements Kernel {
  readonly name = "reference";

  popcounts({ bytes, recordCount, byteLength }: ClkDataset): Uint16Array {
    const counts = new Uint16Array(allocateBytes(2 * recordCount).buffer);
    for (let i = 0; i < bytes.length; i++) counts[Math.floor(i / byteLength)]! += BYTE_POPCOUNTS[bytes[i]!]!;
    return counts;
  }

  *compareRows(
    left: RowRange,
    right: RowRange,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void> {
    let done = 0;
    for (let l = left.from; l < left.to; l++) {
      compareRow(left, l, right, limits, matches);
      done += right.to - right.from;
      if (done >= STEP_COMPARISONS) {
        yield done;
        done = 0;
      }
    }
    yield done;
  }

  *compareBlocks(
    blocks: BlockPairs,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void> {
    const { bounds } = blocks;
    for (let n = blocks.from; n < blocks.to; n++) {
      yield* this.compareRows(
        { ...blocks.left, order: blocks.leftOrder, from: bounds[4 * n]!, to: bounds[4 * n + 1]! },
        { ...blocks.right, order: blocks.rightOrder, from: bounds[4 * n + 2]!, to: bounds[4 * n + 3]! },
        limits,
        matches,
      );
    }
  }
}

function compareRow(
  left: RowRange,
  l: number,
  right: RowRange,
  limits: OverlapLimits,
  matches: MatchCollector,
): void {
  const { byteLength } = left.dataset;
  const a = left.dataset.bytes;
  const b = right.dataset.bytes;
  const leftRecord = left.order === undefined ? l : left.order[l]!;
  const rightRecords: number[] = [];
  const scores: number[] = [];
  for (let r = right.from; r < right.to; r++) {
    const rightRecord = right.order === undefined ? r : right.order[r]!;
    let overlap = 0;
    for (let k = 0; k < byteLength; k++) {
      overlap += BYTE_POPCOUNTS[a[leftRecord * byteLength + k]! & b[rightRecord * byteLength + k]!]!;
    }
    const score = diceScore(overlap, left.popcounts[leftRecord]!, right.popcounts[rightRecord]!);
    if (score >= limits.threshold) {
      rightRecords.push(rightRecord);
      scores.push(score);
    }
  }
  const count = scores.length;
  matches.add(
    new Uint32Array(count).fill(leftRecord),
    Uint32Array.from(rightRecords),
    Float64Array.from(scores),
  );
}
