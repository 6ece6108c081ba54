/**
 * The passes of a stable radix sort (LSD, counting) over similar pairs.
 *
 * Whole 16-byte records are moved, not an index: a permutation would need a gather in random order at the end, which
 * misses the cache three times per pair and costs more than all passes together. Each step is a separate loop, because
 * a loop that both computes a floating-point key and counts it ran three times slower.
 */
import type { SimilarPairs } from "./similar-pairs.js";

/**
 * Similar pairs, interleaved: record `i` has its score in `scores[2i]` and its indices in `words[4i + 2]` and
 * `words[4i + 3]`.
 */
export interface PairRecords {
  readonly scores: Float64Array;
  readonly words: Int32Array;
}

/** Maps scores to integer keys that ascend as scores descend: floor((max − score) · scale), below 2^31. */
export interface ScoreQuantiser {
  readonly max: number;
  readonly scale: number;
}

/** The range of the indices. Pairs ascend by the key (left − minLeft) · 2^rightBits + (right − minRight). */
export interface IndexRange {
  readonly minLeft: number;
  readonly minRight: number;
  readonly leftBits: number;
  readonly rightBits: number;
}

/** The number of bits that a 32-bit number needs. */
export const bitsOf = (value: number) => 32 - Math.clz32(value);

/** The range of the indices of at least one pair, in any order. */
export function findIndexRange({ leftRecords, rightRecords }: SimilarPairs): IndexRange {
  let minLeft = leftRecords[0]!;
  let maxLeft = minLeft;
  let minRight = rightRecords[0]!;
  let maxRight = minRight;
  for (let i = 1; i < leftRecords.length; i++) {
    minLeft = Math.min(leftRecords[i]!, minLeft);
    maxLeft = Math.max(leftRecords[i]!, maxLeft);
    minRight = Math.min(rightRecords[i]!, minRight);
    maxRight = Math.max(rightRecords[i]!, maxRight);
  }
  return { minLeft, minRight, leftBits: bitsOf(maxLeft - minLeft), rightBits: bitsOf(maxRight - minRight) };
}

/** Zeroed memory for `count` records. */
export function allocateRecords(count: number): PairRecords {
  const buffer = new ArrayBuffer(16 * count);
  return { scores: new Float64Array(buffer), words: new Int32Array(buffer) };
}

/** Writes the key of every score to `keys`; `stride` is 1 for a column, 2 for records. */
export function writeScoreKeys(
  scores: Float64Array,
  stride: number,
  quantiser: ScoreQuantiser,
  keys: Int32Array,
): void {
  const { max, scale } = quantiser;
  const count = keys.length;
  for (let i = 0; i < count; i++) keys[i] = ((max - scores[i * stride]!) * scale) | 0;
}

/**
 * Writes the bits of every index key, from bit `shift` on, to `keys`; at least the lowest `width` bits of each are
 * valid.
 *
 * @param left left record indices; entry `i` at `i * stride`
 * @param right right record indices, likewise
 * @param stride 1 for columns, 4 for records (with both arrays starting at the first entry)
 */
export function writeIndexKeys(
  left: Uint32Array | Int32Array,
  right: Uint32Array | Int32Array,
  stride: number,
  range: IndexRange,
  shift: number,
  width: number,
  keys: Int32Array,
): void {
  const { minLeft, minRight, rightBits } = range;
  const count = keys.length;
  if (shift >= rightBits) {
    const down = shift - rightBits;
    for (let i = 0; i < count; i++) keys[i] = (left[i * stride]! - minLeft) >>> down;
  } else if (shift + width <= rightBits) {
    for (let i = 0; i < count; i++) keys[i] = (right[i * stride]! - minRight) >>> shift;
  } else {
    const up = rightBits - shift;
    for (let i = 0; i < count; i++) {
      keys[i] = ((right[i * stride]! - minRight) >>> shift) | ((left[i * stride]! - minLeft) << up);
    }
  }
}

/**
 * The digits `(key >>> shift) & mask`. `starts` has the number of keys with a smaller digit: a digit's next position.
 */
export type Digits = ReturnType<typeof countDigits>;

export function countDigits(keys: Int32Array, shift: number, mask: number) {
  const starts = new Int32Array(mask + 1);
  const count = keys.length;
  for (let i = 0; i < count; i++) {
    const digit = (keys[i]! >>> shift) & mask;
    starts[digit] = (starts[digit]! + 1) | 0;
  }
  let sum = 0;
  for (let digit = 0; digit <= mask; digit++) {
    const size = starts[digit]!;
    starts[digit] = sum;
    sum = (sum + size) | 0;
  }
  return { keys, shift, mask, starts };
}

/** The first pass: columns to records. Consumes `digits.starts`. */
export function scatterColumns(from: SimilarPairs, digits: Digits, to: PairRecords): void {
  const { keys, shift, mask, starts } = digits;
  const { scores, leftRecords, rightRecords } = from;
  const { scores: toScores, words } = to;
  const count = keys.length;
  for (let i = 0; i < count; i++) {
    const digit = (keys[i]! >>> shift) & mask;
    const at = starts[digit]!;
    starts[digit] = (at + 1) | 0;
    toScores[2 * at] = scores[i]!;
    words[4 * at + 2] = leftRecords[i]!;
    words[4 * at + 3] = rightRecords[i]!;
  }
}

/** A middle pass: records to records. Consumes `digits.starts`. */
export function scatterRecords(from: PairRecords, digits: Digits, to: PairRecords): void {
  const { keys, shift, mask, starts } = digits;
  const { scores, words } = from;
  const { scores: toScores, words: toWords } = to;
  const count = keys.length;
  for (let i = 0; i < count; i++) {
    const digit = (keys[i]! >>> shift) & mask;
    const at = starts[digit]!;
    starts[digit] = (at + 1) | 0;
    toScores[2 * at] = scores[2 * i]!;
    toWords[4 * at + 2] = words[4 * i + 2]!;
    toWords[4 * at + 3] = words[4 * i + 3]!;
  }
}

/** The last pass: records to columns. Consumes `digits.starts`. */
export function gatherColumns(from: PairRecords, digits: Digits, to: SimilarPairs): void {
  const { keys, shift, mask, starts } = digits;
  const { scores, words } = from;
  const { scores: toScores, leftRecords, rightRecords } = to;
  const count = keys.length;
  for (let i = 0; i < count; i++) {
    const digit = (keys[i]! >>> shift) & mask;
    const at = starts[digit]!;
    starts[digit] = (at + 1) | 0;
    toScores[at] = scores[2 * i]!;
    leftRecords[at] = words[4 * i + 2]!;
    rightRecords[at] = words[4 * i + 3]!;
  }
}
