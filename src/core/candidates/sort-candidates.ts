import {
  allocateCandidatePairs,
  type CandidatePairs,
  candidateCount,
  checkColumns,
  compareCandidates,
  copyCandidates,
  isSorted,
  sliceCandidatePairs,
} from "../candidate-pairs.js";
import { mergeCandidatePairs } from "./merge-candidates.js";
import type { SimilarPairs } from "./similar-pairs.js";
import { sortSimilarPairs } from "./sort-similar-pairs.js";

/** Up to this many pairs of data sets are sorted one by one: far more than any project has. */
const MAX_DATASET_PAIRS = 1024;

/**
 * Sorts candidate pairs into the total order. Returns a copy; the input is not changed. Scores may be any numbers
 * except NaN. O(n log n) at worst, linear for the usual two data sets.
 *
 * @throws LinkageError `invalid-candidates` if the columns differ in length
 */
export function sortCandidatePairs(pairs: CandidatePairs): CandidatePairs {
  checkColumns(pairs);
  if (isSorted(pairs)) return sliceCandidatePairs(pairs);
  const groups = groupByDatasets(pairs);
  if (groups === undefined) return sortByComparison(pairs);
  const lists = groups.map(({ leftDataset, rightDataset, similar }) => {
    const sorted = sortSimilarPairs(similar.scores, similar.leftRecords, similar.rightRecords);
    return withDatasets(sorted, leftDataset, rightDataset);
  });
  return lists.length === 1 ? lists[0]! : mergeCandidatePairs(lists);
}

/** Candidate pairs of one data set with another, without a copy of the three columns given. */
export function withDatasets(pairs: SimilarPairs, leftDataset: number, rightDataset: number): CandidatePairs {
  const count = pairs.scores.length;
  return {
    scores: pairs.scores,
    leftDatasets: new Uint32Array(count).fill(leftDataset),
    rightDatasets: new Uint32Array(count).fill(rightDataset),
    leftRecords: pairs.leftRecords,
    rightRecords: pairs.rightRecords,
  };
}

interface DatasetGroup {
  readonly leftDataset: number;
  readonly rightDataset: number;
  readonly similar: SimilarPairs;
}

/** Splits the pairs by their data sets, in order of occurrence; undefined if there are too many pairs of data sets. */
function groupByDatasets(pairs: CandidatePairs): DatasetGroup[] | undefined {
  if (isConstant(pairs.leftDatasets) && isConstant(pairs.rightDatasets)) {
    return [{ leftDataset: pairs.leftDatasets[0]!, rightDataset: pairs.rightDatasets[0]!, similar: pairs }];
  }
  const numbers = numberDatasetPairs(pairs);
  if (numbers === undefined) return undefined;
  const { groupOf, firsts } = numbers;
  const sizes = new Uint32Array(firsts.length);
  for (const group of groupOf) sizes[group]!++;
  const groups = firsts.map((first, group) => ({
    leftDataset: pairs.leftDatasets[first]!,
    rightDataset: pairs.rightDatasets[first]!,
    similar: {
      scores: new Float64Array(sizes[group]!),
      leftRecords: new Uint32Array(sizes[group]!),
      rightRecords: new Uint32Array(sizes[group]!),
    },
  }));
  const filled = new Uint32Array(firsts.length);
  for (let i = 0; i < groupOf.length; i++) {
    const group = groupOf[i]!;
    const at = filled[group]!;
    filled[group] = at + 1;
    const { similar } = groups[group]!;
    similar.scores[at] = pairs.scores[i]!;
    similar.leftRecords[at] = pairs.leftRecords[i]!;
    similar.rightRecords[at] = pairs.rightRecords[i]!;
  }
  return groups;
}

function isConstant(values: Uint32Array): boolean {
  const first = values[0];
  for (let i = 1; i < values.length; i++) if (values[i] !== first) return false;
  return true;
}

/**
 * Numbers the pairs of data sets in order of occurrence. Returns each candidate pair's number, and the first candidate
 * pair of each number; undefined if there are too many.
 */
function numberDatasetPairs(pairs: CandidatePairs): { groupOf: Uint16Array; firsts: number[] } | undefined {
  const { leftDatasets, rightDatasets } = pairs;
  const groupOf = new Uint16Array(candidateCount(pairs));
  const firsts: number[] = [];
  const known = new Map<number, Map<number, number>>();
  let group = 0;
  for (let i = 0; i < groupOf.length; i++) {
    const left = leftDatasets[i]!;
    const right = rightDatasets[i]!;
    if (i === 0 || left !== leftDatasets[i - 1] || right !== rightDatasets[i - 1]) {
      let ofLeft = known.get(left);
      if (ofLeft === undefined) known.set(left, (ofLeft = new Map()));
      group = ofLeft.get(right) ?? firsts.length;
      if (group === firsts.length) {
        if (group === MAX_DATASET_PAIRS) return undefined;
        ofLeft.set(right, group);
        firsts.push(i);
      }
    }
    groupOf[i] = group;
  }
  return { groupOf, firsts };
}

function sortByComparison(pairs: CandidatePairs): CandidatePairs {
  const count = candidateCount(pairs);
  const order = new Uint32Array(count)
    .map((_, i) => i)
    .sort((i, j) => compareCandidates(pairs, i, pairs, j) || i - j);
  const result = allocateCandidatePairs(count);
  order.forEach((from, to) => {
    copyCandidates(pairs, from, 1, result, to);
  });
  return result;
}
