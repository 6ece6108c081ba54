import {
  allocateCandidatePairs,
  type CandidatePairs,
  candidateCount,
  sliceCandidatePairs,
} from "../candidate-pairs.js";
import { CandidateMerger } from "./candidate-merger.js";

/**
 * Merges sorted lists into one sorted list, a copy. Stable: equal pairs keep the order of their lists, and all of them
 * are kept (see `dropDuplicates`). The order of the lists is not checked.
 */
export function mergeCandidatePairs(lists: readonly CandidatePairs[]): CandidatePairs {
  const filled = lists.filter((list) => candidateCount(list) > 0);
  if (filled.length === 1) return sliceCandidatePairs(filled[0]!);

  const result = allocateCandidatePairs(filled.reduce((sum, list) => sum + candidateCount(list), 0));
  if (filled.length === 0) return result;
  const merger = new CandidateMerger(filled.length, false);
  filled.forEach((list, source) => {
    merger.feed(source, list);
  });
  let { to, hungrySource } = merger.drain(result, 0);
  while (hungrySource !== undefined) {
    merger.feed(hungrySource, undefined);
    ({ to, hungrySource } = merger.drain(result, to));
  }
  return result;
}
