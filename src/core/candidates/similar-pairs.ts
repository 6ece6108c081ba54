/** Pairs of records of one data set with another, as columns of one length: 16 bytes a pair. */
export interface SimilarPairs {
  /** Dice similarity. */
  readonly scores: Float64Array;
  readonly leftRecords: Uint32Array;
  readonly rightRecords: Uint32Array;
}

/** Zeroed room for `count` pairs. */
export function allocatePairs(count: number): SimilarPairs {
  return {
    scores: new Float64Array(count),
    leftRecords: new Uint32Array(count),
    rightRecords: new Uint32Array(count),
  };
}

/** One list after the other; the result may be the only list itself. */
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
