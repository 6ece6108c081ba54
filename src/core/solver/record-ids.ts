import type { CandidatePairs } from "../candidate-pairs.js";
import { wrongValue } from "../errors.js";

/**
 * The records of candidate pairs, numbered 0, 1, 2 … by (data set, record), so that typed arrays can be indexed by
 * them.
 */
export interface RecordIds {
  /** The ids of both records of each pair. */
  readonly left: Uint32Array;
  readonly right: Uint32Array;
  /** All ids are below this. Some may not belong to a record of a pair: see {@link numberRecords}. */
  readonly idCount: number;
  /** The data sets that occur, ascending. */
  readonly datasets: readonly number[];
  /** The first id of each of `datasets`, and `idCount` at the end. */
  readonly datasetStarts: readonly number[];
  /**
   * Each id's record index, if ids skip records that do not occur; null if an id is its data set's start + record
   * index.
   */
  readonly rows: Uint32Array | null;
}

/** Bytes that arrays over all records may take regardless of the number of pairs: 64 MiB. */
const FREE_BYTES = 2 ** 26;

/** Bytes that arrays over all records may take per pair, if that is more. */
const BYTES_PER_PAIR = 128;

/** Data sets with an index below this are looked up in a typed array, the others in a map. */
const TABLE_LENGTH = 1024;

/** More data sets than this would make the keys of sparse records inexact. */
const MAX_DATASETS = 2 ** 21;

/**
 * Whether arrays over *all* records up to the largest are affordable: up to 64 MiB or 128 bytes per pair, whichever is
 * more. Otherwise the records that occur have to be numbered, so that one pair with record 4,000,000,000 does not take
 * gigabytes.
 */
export function isDense(rowCount: number, bytesPerRow: number, pairCount: number): boolean {
  return rowCount * bytesPerRow <= Math.max(FREE_BYTES, BYTES_PER_PAIR * pairCount);
}

/**
 * Numbers the records of candidate pairs. If {@link isDense}, every record up to the largest of its data set gets an
 * id, which is fast. Otherwise only records that occur get one; they are found by sorting (about 1 µs and, temporarily,
 * 50 bytes per pair).
 *
 * @param bytesPerId bytes that the caller is going to hold per id
 * @throws LinkageError `invalid-candidates` for sparse records in more than 2,097,152 data sets
 */
export function numberRecords(pairs: CandidatePairs, bytesPerId: number): RecordIds {
  const ranks = rankDatasets(pairs);
  const rowCounts = new Float64Array(ranks.datasets.length);
  countRows(pairs.leftDatasets, pairs.leftRecords, ranks, rowCounts);
  countRows(pairs.rightDatasets, pairs.rightRecords, ranks, rowCounts);
  const datasetStarts = [0];
  for (const rowCount of rowCounts) datasetStarts.push(datasetStarts.at(-1)! + rowCount);
  const idCount = datasetStarts.at(-1)!;
  if (!isDense(idCount, bytesPerId, pairs.scores.length)) return numberSparse(pairs, ranks);
  return {
    left: addStarts(pairs.leftDatasets, pairs.leftRecords, ranks, datasetStarts),
    right: addStarts(pairs.rightDatasets, pairs.rightRecords, ranks, datasetStarts),
    idCount,
    datasets: ranks.datasets,
    datasetStarts,
    rows: null,
  };
}

/** Each data set's rank among those that occur. */
interface DatasetRanks {
  readonly datasets: number[];
  /** Ranks of the data sets below {@link TABLE_LENGTH}. */
  readonly table: Uint32Array;
  readonly others: Map<number, number>;
}

function rankDatasets(pairs: CandidatePairs): DatasetRanks {
  const table = new Uint32Array(TABLE_LENGTH);
  const others = new Map<number, number>();
  for (const indices of [pairs.leftDatasets, pairs.rightDatasets]) {
    for (let i = 0; i < indices.length; i++) {
      const dataset = indices[i]!;
      if (dataset < TABLE_LENGTH) table[dataset] = 1;
      else others.set(dataset, 0);
    }
  }
  const datasets: number[] = [];
  for (let dataset = 0; dataset < TABLE_LENGTH; dataset++) {
    if (table[dataset] !== 1) continue;
    table[dataset] = datasets.length;
    datasets.push(dataset);
  }
  for (const dataset of [...others.keys()].sort((a, b) => a - b)) {
    others.set(dataset, datasets.length);
    datasets.push(dataset);
  }
  return { datasets, table, others };
}

function rankOf(dataset: number, ranks: DatasetRanks): number {
  return dataset < TABLE_LENGTH ? ranks.table[dataset]! : ranks.others.get(dataset)!;
}

/** Raises each data set's number of records to include the given ones. */
function countRows(
  datasets: Uint32Array,
  rows: Uint32Array,
  ranks: DatasetRanks,
  rowCounts: Float64Array,
): void {
  for (let i = 0; i < rows.length; i++) {
    const rank = rankOf(datasets[i]!, ranks);
    if (rows[i]! >= rowCounts[rank]!) rowCounts[rank] = rows[i]! + 1;
  }
}

function addStarts(
  datasets: Uint32Array,
  rows: Uint32Array,
  ranks: DatasetRanks,
  datasetStarts: readonly number[],
): Uint32Array {
  const ids = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) ids[i] = datasetStarts[rankOf(datasets[i]!, ranks)]! + rows[i]!;
  return ids;
}

function numberSparse(pairs: CandidatePairs, ranks: DatasetRanks): RecordIds {
  const { datasets } = ranks;
  if (datasets.length > MAX_DATASETS) {
    throw wrongValue(
      "invalid-candidates",
      "The number of data sets",
      `at most ${MAX_DATASETS}`,
      `${datasets.length}`,
    );
  }
  const pairCount = pairs.scores.length;
  const keys = new Float64Array(2 * pairCount);
  writeKeys(pairs.leftDatasets, pairs.leftRecords, ranks, keys.subarray(0, pairCount));
  writeKeys(pairs.rightDatasets, pairs.rightRecords, ranks, keys.subarray(pairCount));
  const distinct = keepDistinct(keys.slice().sort());

  const rows = new Uint32Array(distinct.length);
  const datasetStarts: number[] = [];
  for (let id = 0; id < distinct.length; id++) {
    const rank = Math.floor(distinct[id]! / 2 ** 32);
    if (rank === datasetStarts.length) datasetStarts.push(id);
    rows[id] = distinct[id]! - rank * 2 ** 32;
  }
  datasetStarts.push(distinct.length);

  const ids = new Uint32Array(2 * pairCount);
  for (let i = 0; i < ids.length; i++) ids[i] = findKey(distinct, keys[i]!);
  return {
    left: ids.subarray(0, pairCount),
    right: ids.subarray(pairCount),
    idCount: distinct.length,
    datasets,
    datasetStarts,
    rows,
  };
}

/** Writes each record as one number that sorts by (data set, record). Exact, because ranks stay below 2²¹. */
function writeKeys(datasets: Uint32Array, rows: Uint32Array, ranks: DatasetRanks, keys: Float64Array): void {
  for (let i = 0; i < rows.length; i++) keys[i] = rankOf(datasets[i]!, ranks) * 2 ** 32 + rows[i]!;
}

/** Moves the distinct values of a sorted array to its front. */
function keepDistinct(sorted: Float64Array): Float64Array {
  let count = 0;
  for (let i = 0; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i]!;
  }
  return sorted.subarray(0, count);
}

/** The position of a key that is known to exist, by binary search. */
function findKey(sorted: Float64Array, key: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
