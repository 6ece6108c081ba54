import { LinkageError } from "../errors.js";
import {
  allocateRecords,
  countDigits,
  findIndexRange,
  gatherColumns,
  type IndexRange,
  type ScoreQuantiser,
  scatterColumns,
  scatterRecords,
  writeIndexKeys,
  writeScoreKeys,
} from "./radix-passes.js";
import { allocatePairs, type SimilarPairs } from "./similar-pairs.js";

/** Below this many pairs a comparison sort of indices is as fast. */
const SMALL_COUNT = 256;

/** Maximum bits per digit: 2,048 write streams still fit the L2 cache. */
const MAX_DIGIT_BITS = 11;

/** Distinct scores of CLKs of up to 1,024 bits differ by at least 2^−21: keys of that resolution distinguish them. */
const SCORE_RESOLUTION_BITS = 21;
const MIN_SCORE_BITS = 16;
const MAX_SCORE_BITS = 22;

/** Sequences of equal keys up to this length are sorted by insertion. */
const INSERTION_LENGTH = 48;

/**
 * Sorts pairs of two data sets by score descending, then left record and right record ascending. The result is exact
 * for any scores (−0 counts as 0; NaN is not allowed). The input is not changed.
 *
 * A stable radix sort. Pairs that are already in (left, right) order, as many comparisons emit them, need only two
 * passes, by score. Scores that the quantized key cannot distinguish are ordered in a final linear check. Even if all
 * share one key, the sort takes at most O(n log n).
 *
 * @param scores one score per pair
 * @param leftRecords the left record of each pair; as long as `scores`
 * @param rightRecords the right record of each pair; as long as `scores`
 * @throws LinkageError `invalid-candidates` if the lengths differ
 */
export function sortSimilarPairs(
  scores: Float64Array,
  leftRecords: Uint32Array,
  rightRecords: Uint32Array,
): SimilarPairs {
  const pairs = { scores, leftRecords, rightRecords };
  const count = scores.length;
  if (leftRecords.length !== count || rightRecords.length !== count) {
    const records = `${leftRecords.length} left and ${rightRecords.length} right records`;
    const message = `The columns differ in length: ${count} scores, ${records}.`;
    throw new LinkageError("invalid-candidates", message, {
      subject: "columns",
      expected: `${count} values`,
      received: records,
    });
  }
  if (isOrdered(pairs)) {
    return { scores: scores.slice(), leftRecords: leftRecords.slice(), rightRecords: rightRecords.slice() };
  }
  if (count < SMALL_COUNT) return sortByComparison(pairs);
  const { min, max } = findScoreRange(scores);
  const scoreBits = chooseScoreBits(max - min);
  const scale = max === min ? 0 : (2 ** scoreBits - 1) / (max - min);
  // The range of the scores overflows, or is too small to divide by.
  if (!Number.isFinite(scale)) return sortByComparison(pairs);
  const quantiser = { max, scale };
  const range = isAscending(pairs) ? undefined : findIndexRange(pairs);
  const result = runPasses(pairs, range, quantiser, max === min ? 0 : scoreBits);
  sortEqualKeys(result, quantiser);
  return result;
}

function isOrdered({ scores, leftRecords, rightRecords }: SimilarPairs): boolean {
  for (let i = 1; i < scores.length; i++) {
    const before = scores[i - 1]!;
    const score = scores[i]!;
    if (score < before) continue;
    if (score !== before || leftRecords[i]! < leftRecords[i - 1]!) return false;
    if (leftRecords[i] === leftRecords[i - 1] && rightRecords[i]! < rightRecords[i - 1]!) return false;
  }
  return true;
}

/** Whether the pairs are in index order. */
function isAscending({ leftRecords, rightRecords }: SimilarPairs): boolean {
  for (let i = 1; i < leftRecords.length; i++) {
    const step = leftRecords[i]! - leftRecords[i - 1]!;
    if (step < 0 || (step === 0 && rightRecords[i]! < rightRecords[i - 1]!)) return false;
  }
  return true;
}

function findScoreRange(scores: Float64Array): { min: number; max: number } {
  let min = scores[0]!;
  let max = min;
  for (let i = 1; i < scores.length; i++) {
    const score = scores[i]!;
    min = Math.min(score, min);
    max = Math.max(score, max);
  }
  return { min, max };
}

function chooseScoreBits(range: number): number {
  const bits = Math.ceil(Math.log2(range)) + SCORE_RESOLUTION_BITS;
  return Math.min(Math.max(bits, MIN_SCORE_BITS), MAX_SCORE_BITS);
}

/** The digits of a key of `bits` bits, lowest first. */
function splitDigits(bits: number, leastCount: number): { shift: number; width: number }[] {
  if (bits === 0) return [];
  const count = Math.max(leastCount, Math.ceil(bits / MAX_DIGIT_BITS));
  const width = Math.ceil(bits / count);
  return Array.from({ length: count }, (_, i) => ({ shift: i * width, width }));
}

function runPasses(
  pairs: SimilarPairs,
  range: IndexRange | undefined,
  quantiser: ScoreQuantiser,
  scoreBits: number,
): SimilarPairs {
  const indexBits = range === undefined ? 0 : range.leftBits + range.rightBits;
  // At least two passes: the first turns columns into records, the last turns records into columns.
  const indexDigits = splitDigits(indexBits, scoreBits === 0 ? 2 : 1);
  const scoreDigits = splitDigits(scoreBits, indexBits === 0 ? 2 : 1);
  const passes = indexDigits.length + scoreDigits.length;

  const count = pairs.scores.length;
  const keys = new Int32Array(count);
  let records = allocateRecords(count);
  let spare = passes > 2 ? allocateRecords(count) : records;
  const result = allocatePairs(count);
  for (let pass = 0; pass < passes; pass++) {
    const first = pass === 0;
    const indexDigit = indexDigits[pass];
    const { shift, width } = indexDigit ?? scoreDigits[pass - indexDigits.length]!;
    const mask = (1 << width) - 1;
    if (indexDigit !== undefined) {
      const left = first ? pairs.leftRecords : records.words.subarray(2);
      const right = first ? pairs.rightRecords : records.words.subarray(3);
      writeIndexKeys(left, right, first ? 1 : 4, range!, shift, width, keys);
    } else {
      writeScoreKeys(first ? pairs.scores : records.scores, first ? 1 : 2, quantiser, keys);
    }
    const down = indexDigit === undefined ? shift : 0;
    const digits = countDigits(keys, down, mask);
    if (first) {
      scatterColumns(pairs, digits, records);
    } else if (pass < passes - 1) {
      scatterRecords(records, digits, spare);
      [records, spare] = [spare, records];
    } else {
      gatherColumns(records, digits, result);
    }
  }
  return result;
}

/** Sorts sequences of equal keys by score. Equal scores are already in order, because every pass is stable. */
function sortEqualKeys(pairs: SimilarPairs, { max, scale }: ScoreQuantiser): void {
  const { scores } = pairs;
  const count = scores.length;
  const keyOf = (i: number) => ((max - scores[i]!) * scale) | 0;
  for (let i = 1; i < count; i++) {
    if (!(scores[i]! > scores[i - 1]!)) continue;
    const key = keyOf(i);
    let from = i - 1;
    while (from > 0 && keyOf(from - 1) === key) from--;
    let to = i + 1;
    while (to < count && keyOf(to) === key) to++;
    if (to - from <= INSERTION_LENGTH) sortByInsertion(pairs, from, to);
    else sortRun(pairs, from, to);
    i = to;
  }
}

/** Sorts the pairs `from … to` (excluded) by score; stable. In place and without views, because there may be many. */
function sortByInsertion(
  { scores, leftRecords, rightRecords }: SimilarPairs,
  from: number,
  to: number,
): void {
  for (let i = from + 1; i < to; i++) {
    const score = scores[i]!;
    const left = leftRecords[i]!;
    const right = rightRecords[i]!;
    let at = i;
    for (; at > from && scores[at - 1]! < score; at--) {
      scores[at] = scores[at - 1]!;
      leftRecords[at] = leftRecords[at - 1]!;
      rightRecords[at] = rightRecords[at - 1]!;
    }
    scores[at] = score;
    leftRecords[at] = left;
    rightRecords[at] = right;
  }
}

/** As {@link sortByInsertion}, for long sequences. */
function sortRun({ scores, leftRecords, rightRecords }: SimilarPairs, from: number, to: number): void {
  const sorted = sortByComparison({
    scores: scores.subarray(from, to),
    leftRecords: leftRecords.subarray(from, to),
    rightRecords: rightRecords.subarray(from, to),
  });
  scores.set(sorted.scores, from);
  leftRecords.set(sorted.leftRecords, from);
  rightRecords.set(sorted.rightRecords, from);
}

function sortByComparison({ scores, leftRecords, rightRecords }: SimilarPairs): SimilarPairs {
  const order = Uint32Array.from(scores, (_, i) => i).sort((i, j) => {
    const a = scores[i]!;
    const b = scores[j]!;
    if (a !== b) return a > b ? -1 : 1;
    return leftRecords[i]! - leftRecords[j]! || rightRecords[i]! - rightRecords[j]! || i - j;
  });
  return {
    scores: Float64Array.from(order, (i) => scores[i]!),
    leftRecords: order.map((i) => leftRecords[i]!),
    rightRecords: order.map((i) => rightRecords[i]!),
  };
}
