import { LinkageError } from "./errors.js";

/**
 * Candidate pairs as a struct of arrays, all of the same length: pair `i` means that record `leftRecords[i]` of data
 * set `leftDatasets[i]` and record `rightRecords[i]` of data set `rightDatasets[i]` have the Dice similarity
 * `scores[i]`. 24 bytes per pair.
 *
 * The total order, in memory and in files: score descending, then left data set, right data set, left record, right
 * record, ascending.
 */
export interface CandidatePairs {
  /** Dice similarity, 0 to 1. */
  readonly scores: Float64Array;
  readonly leftDatasets: Uint32Array;
  readonly rightDatasets: Uint32Array;
  readonly leftRecords: Uint32Array;
  readonly rightRecords: Uint32Array;
}

/** Zeroed memory for `count` candidate pairs; `count` is an integer ≥ 0. */
export function allocateCandidatePairs(count: number): CandidatePairs {
  return {
    scores: new Float64Array(count),
    leftDatasets: new Uint32Array(count),
    rightDatasets: new Uint32Array(count),
    leftRecords: new Uint32Array(count),
    rightRecords: new Uint32Array(count),
  };
}

/** No candidate pairs: five empty columns. */
export function emptyCandidatePairs(): CandidatePairs {
  return allocateCandidatePairs(0);
}

/** The number of candidate pairs. */
export function candidateCount(pairs: CandidatePairs): number {
  return pairs.scores.length;
}

/**
 * Checks that all five columns have the same length.
 *
 * @throws LinkageError `invalid-candidates`
 */
export function checkColumns(pairs: CandidatePairs): void {
  const count = pairs.scores.length;
  for (const column of ["leftDatasets", "rightDatasets", "leftRecords", "rightRecords"] as const) {
    const length = pairs[column].length;
    if (length !== count) {
      const message = `${column} has ${length} values, but scores has ${count}.`;
      throw new LinkageError("invalid-candidates", message, {
        subject: column,
        expected: `${count} values`,
        received: `${length} values`,
      });
    }
  }
}

/** Copies `from[fromIndex … fromIndex + count)` to `to[toIndex …)`; there must be room. */
export function copyCandidates(
  from: CandidatePairs,
  fromIndex: number,
  count: number,
  to: CandidatePairs,
  toIndex: number,
): void {
  const end = fromIndex + count;
  to.scores.set(from.scores.subarray(fromIndex, end), toIndex);
  to.leftDatasets.set(from.leftDatasets.subarray(fromIndex, end), toIndex);
  to.rightDatasets.set(from.rightDatasets.subarray(fromIndex, end), toIndex);
  to.leftRecords.set(from.leftRecords.subarray(fromIndex, end), toIndex);
  to.rightRecords.set(from.rightRecords.subarray(fromIndex, end), toIndex);
}

/** Concatenates lists into a copy. The order is not checked. */
export function concatCandidatePairs(lists: readonly CandidatePairs[]): CandidatePairs {
  const result = allocateCandidatePairs(lists.reduce((sum, list) => sum + candidateCount(list), 0));
  let at = 0;
  for (const list of lists) {
    copyCandidates(list, 0, candidateCount(list), result, at);
    at += candidateCount(list);
  }
  return result;
}

/** The pairs `from … to` (`to` excluded) as a copy; indices as in `Array.prototype.slice`. */
export function sliceCandidatePairs(pairs: CandidatePairs, from = 0, to = Infinity): CandidatePairs {
  return {
    scores: pairs.scores.slice(from, to),
    leftDatasets: pairs.leftDatasets.slice(from, to),
    rightDatasets: pairs.rightDatasets.slice(from, to),
    leftRecords: pairs.leftRecords.slice(from, to),
    rightRecords: pairs.rightRecords.slice(from, to),
  };
}

/**
 * The total order: negative if pair `i` of `a` comes before pair `j` of `b`, positive if it comes after,
 * 0 if all five values are equal. Scores must be numbers (no NaN).
 */
export function compareCandidates(a: CandidatePairs, i: number, b: CandidatePairs, j: number): number {
  const left = a.scores[i]!;
  const right = b.scores[j]!;
  if (left !== right) return left > right ? -1 : 1;
  return (
    a.leftDatasets[i]! - b.leftDatasets[j]! ||
    a.rightDatasets[i]! - b.rightDatasets[j]! ||
    a.leftRecords[i]! - b.leftRecords[j]! ||
    a.rightRecords[i]! - b.rightRecords[j]!
  );
}

/** The first index whose pair comes before its predecessor in the total order, or −1 if there is none. */
export function findOrderBreak(pairs: CandidatePairs): number {
  const { scores } = pairs;
  for (let i = 1; i < scores.length; i++) {
    // "Not smaller" rather than "greater or equal", so that NaN is found too.
    if (!(scores[i]! < scores[i - 1]!) && !(compareCandidates(pairs, i - 1, pairs, i) <= 0)) return i;
  }
  return -1;
}

/** Whether the pairs are in the total order; equal pairs may follow each other. */
export function isSorted(pairs: CandidatePairs): boolean {
  return findOrderBreak(pairs) === -1;
}

/** Drops repeated pairs. The input is sorted, so equal pairs are adjacent. The result may be the input itself. */
export function dropDuplicates(pairs: CandidatePairs): CandidatePairs {
  const count = candidateCount(pairs);
  let kept = Math.min(1, count);
  while (kept < count && compareCandidates(pairs, kept - 1, pairs, kept) !== 0) kept++;
  if (kept === count) return pairs;

  const result = sliceCandidatePairs(pairs);
  for (let i = kept; i < count; i++) {
    if (compareCandidates(result, kept - 1, pairs, i) === 0) continue;
    result.scores[kept] = pairs.scores[i]!;
    result.leftDatasets[kept] = pairs.leftDatasets[i]!;
    result.rightDatasets[kept] = pairs.rightDatasets[i]!;
    result.leftRecords[kept] = pairs.leftRecords[i]!;
    result.rightRecords[kept] = pairs.rightRecords[i]!;
    kept++;
  }
  return sliceCandidatePairs(result, 0, kept);
}
