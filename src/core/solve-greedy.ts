import { type CandidatePairs, checkColumns } from "./candidate-pairs.js";
import { LinkageError, wrongValue } from "./errors.js";
import { BYTES_PER_RECORD, mergeIntoGroups } from "./solver/group-merger.js";
import { isDense, numberRecords, type RecordIds } from "./solver/record-ids.js";

/**
 * Groups of records of the same entity, as a struct of arrays: group `i` has the members `starts[i] … starts[i + 1]`
 * (the last one excluded); member `j` is record `records[j]` of data set `datasets[j]`. Every group has two records or
 * more, ascending by (data set, record); groups ascend by their first record. No record is in two groups. 8 bytes per
 * record and 4 per group.
 */
export interface Groups {
  /** One more entry than there are groups. */
  readonly starts: Uint32Array;
  readonly datasets: Uint32Array;
  readonly records: Uint32Array;
}

export interface SolveGreedyOptions {
  /** Number of records in each data set; if given, pairs with other records are rejected. Default: not checked. */
  readonly recordCounts?: readonly number[];
}

/** Bytes that the two-party solver holds per record: at most a partner and a bit. */
const BYTES_PER_ROW = 5;

/**
 * Turns candidate pairs into groups, greedily: walks the pairs in order and merges the groups of a pair's two records
 * (a record without a group counts as a group of one) if *every* cross pair of the two groups has been seen so far.
 * Otherwise the pair is remembered, so that a later one can complete the merge. This is anonlink's `greedy_solve`
 * (merge threshold 1, `deduplicated` off: two records of one data set may share a group), except for repeated pairs:
 * here a pair counts once, there each repetition counts as another cross pair.
 *
 * Between two data sets, no record can join a group of two, because it was never compared with one of them. The rule
 * reduces to: if neither record is taken, take both. That needs only one pass over the pairs.
 *
 * Memory beyond input and output: with two parties up to 5 bytes per record. With more, 28 bytes per record and 30 to
 * 40 per pair, or up to 150 per pair if nearly all of them have to be remembered: 30 to 150 MB for a million pairs.
 * Records count up to the largest that occurs in each data set, unless that would take more than 64 MiB and more than
 * 128 bytes per pair. Then only records that occur count, and finding them takes up to 60 bytes and 1 to 2 µs per pair.
 *
 * @param pairs in the total order: best score first. Ties may be in any order, which is kept.
 * @returns the groups, always in the same order: see {@link Groups}
 * @throws LinkageError `invalid-candidates` if the arrays differ in length, a score is NaN or above the one before it,
 *   or a record is outside `recordCounts`; `too-many-candidates` if more than 178,956,970 pairs of three or more
 *   parties have to be remembered
 */
export function solveGreedy(pairs: CandidatePairs, options: SolveGreedyOptions = {}): Groups {
  checkColumns(pairs);
  checkOrder(pairs.scores);
  if (options.recordCounts !== undefined) checkRecords(pairs, options.recordCounts);
  if (pairs.scores.length === 0) {
    return { starts: new Uint32Array(1), datasets: new Uint32Array(0), records: new Uint32Array(0) };
  }
  const left = onlyValue(pairs.leftDatasets);
  const right = onlyValue(pairs.rightDatasets);
  if (left !== undefined && right !== undefined && left !== right) return solveTwoParties(pairs, left, right);
  const ids = numberRecords(pairs, BYTES_PER_RECORD);
  return groupByRoot(mergeIntoGroups(ids.left, ids.right, ids.idCount), ids);
}

/** The groups as nested arrays, each record as `[data set, record]`: for JSON and for display. */
export function groupsToArrays(groups: Groups): [dataset: number, row: number][][] {
  const arrays: [number, number][][] = [];
  for (let group = 0; group + 1 < groups.starts.length; group++) {
    const members: [number, number][] = [];
    for (let i = groups.starts[group]!; i < groups.starts[group + 1]!; i++) {
      members.push([groups.datasets[i]!, groups.records[i]!]);
    }
    arrays.push(members);
  }
  return arrays;
}

/** Solves pairs between two data sets: one to one. */
function solveTwoParties(pairs: CandidatePairs, leftDataset: number, rightDataset: number): Groups {
  // Groups ascend by their first record, which is in the lower data set.
  const inOrder = leftDataset < rightDataset;
  let lowRows = inOrder ? pairs.leftRecords : pairs.rightRecords;
  let highRows = inOrder ? pairs.rightRecords : pairs.leftRecords;
  let lowCount = maximum(lowRows) + 1;
  let highCount = maximum(highRows) + 1;
  let sparse: { low: Uint32Array; high: Uint32Array } | undefined;
  if (!isDense(lowCount + highCount, BYTES_PER_ROW, pairs.scores.length)) {
    const ids = numberRecords(pairs, Number.POSITIVE_INFINITY);
    lowCount = ids.datasetStarts[1]!;
    highCount = ids.idCount - lowCount;
    lowRows = inOrder ? ids.left : ids.right;
    highRows = (inOrder ? ids.right : ids.left).map((id) => id - lowCount);
    sparse = { low: ids.rows!.subarray(0, lowCount), high: ids.rows!.subarray(lowCount) };
  }
  const { partners, groupCount } = takeOneToOne(lowRows, highRows, lowCount, highCount);

  const starts = new Uint32Array(groupCount + 1);
  const datasets = new Uint32Array(2 * groupCount);
  const records = new Uint32Array(2 * groupCount);
  let end = 0;
  for (let low = 0; low < lowCount; low++) {
    if (partners[low] === 0) continue;
    const high = partners[low]! - 1;
    datasets[end] = inOrder ? leftDataset : rightDataset;
    datasets[end + 1] = inOrder ? rightDataset : leftDataset;
    records[end] = sparse === undefined ? low : sparse.low[low]!;
    records[end + 1] = sparse === undefined ? high : sparse.high[high]!;
    end += 2;
    starts[end / 2] = end;
  }
  return { starts, datasets, records };
}

/**
 * Takes each pair if neither record is taken yet. `partners` holds 1 + the high record of each low record, or 0. Taken
 * records are marked in bits, which stay in the cache when the partners would not: twice as fast at a million records.
 */
function takeOneToOne(
  lowRows: Uint32Array,
  highRows: Uint32Array,
  lowCount: number,
  highCount: number,
): { partners: Uint32Array; groupCount: number } {
  const partners = new Uint32Array(lowCount);
  const lowTaken = new Int32Array((lowCount + 31) >>> 5);
  const highTaken = new Int32Array((highCount + 31) >>> 5);
  let groupCount = 0;
  for (let i = 0; i < lowRows.length; i++) {
    const low = lowRows[i]!;
    const high = highRows[i]!;
    const lowBits = lowTaken[low >>> 5]!;
    const highBits = highTaken[high >>> 5]!;
    if (((lowBits >>> (low & 31)) | (highBits >>> (high & 31))) & 1) continue;
    lowTaken[low >>> 5] = lowBits | (1 << (low & 31));
    highTaken[high >>> 5] = highBits | (1 << (high & 31));
    partners[low] = high + 1;
    groupCount++;
  }
  return { partners, groupCount };
}

/** Collects the ids that share a root into groups, in ascending order, omitting groups of one. */
function groupByRoot(roots: Uint32Array, ids: RecordIds): Groups {
  const sizes = new Uint32Array(roots.length);
  for (let id = 0; id < roots.length; id++) sizes[roots[id]!]!++;
  let groupCount = 0;
  let recordCount = 0;
  for (let root = 0; root < sizes.length; root++) {
    if (sizes[root]! < 2) continue;
    groupCount++;
    recordCount += sizes[root]!;
  }

  const starts = new Uint32Array(groupCount + 1);
  const datasets = new Uint32Array(recordCount);
  const records = new Uint32Array(recordCount);
  /** 1 + the position of the next record of a root's group, or 0 before its first. */
  const places = new Uint32Array(roots.length);
  let group = 0;
  let end = 0;
  for (let rank = 0; rank < ids.datasets.length; rank++) {
    const start = ids.datasetStarts[rank]!;
    for (let id = start; id < ids.datasetStarts[rank + 1]!; id++) {
      const root = roots[id]!;
      if (sizes[root]! < 2) continue;
      if (places[root] === 0) {
        places[root] = end + 1;
        end += sizes[root]!;
        starts[++group] = end;
      }
      const place = places[root]!++ - 1;
      datasets[place] = ids.datasets[rank]!;
      records[place] = ids.rows === null ? id - start : ids.rows[id]!;
    }
  }
  return { starts, datasets, records };
}

/** The common value of all elements, or undefined if they differ. */
function onlyValue(values: Uint32Array): number | undefined {
  const first = values[0]!;
  for (let i = 1; i < values.length; i++) {
    if (values[i] !== first) return undefined;
  }
  return first;
}

function maximum(values: Uint32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! > largest) largest = values[i]!;
  }
  return largest;
}

function checkOrder(scores: Float64Array): void {
  let previous = Number.POSITIVE_INFINITY;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (!(score <= previous)) {
      const received = i === 0 ? `${score}` : `${score} after ${previous}`;
      throw new LinkageError(
        "invalid-candidates",
        `Scores must be numbers in descending order, but the score of pair ${i} is ${received}.`,
        { subject: `score of pair ${i}`, expected: `at most ${previous}`, received: `${score}` },
      );
    }
    previous = score;
  }
}

function checkRecords(pairs: CandidatePairs, recordCounts: readonly number[]): void {
  checkSide("left", pairs.leftDatasets, pairs.leftRecords, recordCounts);
  checkSide("right", pairs.rightDatasets, pairs.rightRecords, recordCounts);
}

function checkSide(
  side: string,
  datasets: Uint32Array,
  records: Uint32Array,
  recordCounts: readonly number[],
): void {
  for (let i = 0; i < datasets.length; i++) {
    const recordCount = recordCounts[datasets[i]!];
    if (recordCount !== undefined && records[i]! < recordCount) continue;
    throw recordCount === undefined
      ? wrongValue(
          "invalid-candidates",
          `The ${side} data set of pair ${i}`,
          `below ${recordCounts.length}, the number of data sets`,
          `${datasets[i]}`,
        )
      : wrongValue(
          "invalid-candidates",
          `The ${side} record of pair ${i}`,
          `below ${recordCount}, the number of records in data set ${datasets[i]}`,
          `${records[i]}`,
        );
  }
}
