/** Pairs of records of one data set with another, as columns of the same length: 16 bytes per pair. */
export interface SimilarPairs {
  /** Dice similarity. */
  readonly scores: Float64Array;
  readonly leftRecords: Uint32Array;
  readonly rightRecords: Uint32Array;
}

/** Zeroed memory for `count` pairs. */
export function allocatePairs(count: number): SimilarPairs {
  return {
    scores: new Float64Array(count),
    leftRecords: new Uint32Array(count),
    rightRecords: new Uint32Array(count),
  };
}

/** Concatenates lists; a single list is returned itself. */
export function concatPairs(lists: readonly SimilarPairs[]): SimilarPairs {
  if (lists.length === 1) return lists[0]!;
  const all = allocatePairs(lists.reduce((sum, list) => sum + list.scores.length, 0));
  let at = 0;
  for (const list of lists) {
    all.scores.set(list.scores, at);
    all.leftRecords.set(list.leftRecords, at);
    all.rightRecords.set(list.rightRecords, at);
    at += list.scores.length;
  }
  return all;
}
