import { allocatePairs, type SimilarPairs } from "./similar-pairs.js";

/**
 * Merges sorted lists of pairs of two data sets (score descending, then left record, then right record, ascending) into
 * one, two at a time, so that each pair moves log₂(lists) times. Stable; a single list is returned itself.
 */
export function mergeSimilarPairs(lists: readonly SimilarPairs[]): SimilarPairs {
  if (lists.length === 0) return allocatePairs(0);
  let rest = lists;
  while (rest.length > 1) {
    const merged: SimilarPairs[] = [];
    for (let n = 0; n < rest.length; n += 2) {
      merged.push(n + 1 < rest.length ? mergeTwo(rest[n]!, rest[n + 1]!) : rest[n]!);
    }
    rest = merged;
  }
  return rest[0]!;
}

function mergeTwo(a: SimilarPairs, b: SimilarPairs): SimilarPairs {
  const { scores, leftRecords, rightRecords } = a;
  const { scores: otherScores, leftRecords: otherLefts, rightRecords: otherRights } = b;
  const count = scores.length;
  const otherCount = otherScores.length;
  const result = allocatePairs(count + otherCount);
  let i = 0;
  let j = 0;
  let to = 0;
  while (i < count && j < otherCount) {
    const score = scores[i]!;
    const other = otherScores[j]!;
    const goesFirst =
      score !== other
        ? score > other
        : leftRecords[i] !== otherLefts[j]
          ? leftRecords[i]! < otherLefts[j]!
          : rightRecords[i]! <= otherRights[j]!;
    if (goesFirst) {
      result.scores[to] = score;
      result.leftRecords[to] = leftRecords[i]!;
      result.rightRecords[to] = rightRecords[i]!;
      i++;
    } else {
      result.scores[to] = other;
      result.leftRecords[to] = otherLefts[j]!;
      result.rightRecords[to] = otherRights[j]!;
      j++;
    }
    to++;
  }
  copyRest(a, i, result, to);
  copyRest(b, j, result, to);
  return result;
}

function copyRest(from: SimilarPairs, at: number, result: SimilarPairs, to: number): void {
  if (at === from.scores.length) return;
  result.scores.set(from.scores.subarray(at), to);
  result.leftRecords.set(from.leftRecords.subarray(at), to);
  result.rightRecords.set(from.rightRecords.subarray(at), to);
}
