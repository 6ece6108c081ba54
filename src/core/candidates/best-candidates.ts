import { type CandidatePairs, candidateCount, sliceCandidatePairs } from "../candidate-pairs.js";
import { invalidOption } from "../errors.js";

/**
 * Keeps at most `k` candidates of each left record for each pair of data sets: the first, which are the best. Order is
 * kept.
 *
 * @param pairs in the total order
 * @param k maximum number of candidates, an integer ≥ 1
 * @throws LinkageError `invalid-option`
 */
export function takeBestPerLeftRecord(pairs: CandidatePairs, k: number): CandidatePairs {
  if (!Number.isInteger(k) || k < 1) throw invalidOption("k", "a whole number of 1 or more", k);
  const kept = sliceCandidatePairs(pairs);
  const { scores, leftDatasets, rightDatasets, leftRecords, rightRecords } = pairs;
  const counterOf = makeCounters(pairs);
  let to = 0;
  for (let i = 0; i < scores.length; i++) {
    if (counterOf(leftDatasets[i]!, rightDatasets[i]!)(leftRecords[i]!) > k) continue;
    kept.scores[to] = scores[i]!;
    kept.leftDatasets[to] = leftDatasets[i]!;
    kept.rightDatasets[to] = rightDatasets[i]!;
    kept.leftRecords[to] = leftRecords[i]!;
    kept.rightRecords[to] = rightRecords[i]!;
    to++;
  }
  return to === scores.length ? kept : sliceCandidatePairs(kept, 0, to);
}

/** Counts a record and returns how often it has been counted. */
type Counter = (record: number) => number;

/** One counter for each pair of data sets. */
function makeCounters(pairs: CandidatePairs): (leftDataset: number, rightDataset: number) => Counter {
  let maxRecord = 0;
  for (const record of pairs.leftRecords) maxRecord = Math.max(record, maxRecord);
  // Arrays are far faster than maps, but must not take much more memory than the pairs themselves.
  let denseRoom = 8 * candidateCount(pairs) + 65_536;
  const counters = new Map<number, Map<number, Counter>>();
  let lastLeft = -1;
  let lastRight = -1;
  let last: Counter = () => 0;
  return (leftDataset, rightDataset) => {
    if (leftDataset === lastLeft && rightDataset === lastRight) return last;
    let ofLeft = counters.get(leftDataset);
    if (ofLeft === undefined) counters.set(leftDataset, (ofLeft = new Map()));
    let counter = ofLeft.get(rightDataset);
    if (counter === undefined) {
      const isDense = maxRecord < denseRoom;
      if (isDense) denseRoom -= maxRecord + 1;
      counter = isDense ? denseCounter(maxRecord + 1) : sparseCounter();
      ofLeft.set(rightDataset, counter);
    }
    lastLeft = leftDataset;
    lastRight = rightDataset;
    last = counter;
    return counter;
  };
}

function denseCounter(length: number): Counter {
  const counts = new Uint32Array(length);
  return (record) => ++counts[record]!;
}

function sparseCounter(): Counter {
  const counts = new Map<number, number>();
  return (record) => {
    const count = (counts.get(record) ?? 0) + 1;
    counts.set(record, count);
    return count;
  };
}
