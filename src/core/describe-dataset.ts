import type { ClkDataset } from "./clk-dataset.js";
import { countDuplicateRows } from "./duplicate-rows.js";

/** Statistics of the number of set bits per record. All numbers are 0 if there are no records. */
export interface PopcountSummary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the whole population, not of a sample. */
  readonly standardDeviation: number;
  /** Quartiles: linear interpolation between the two nearest records. */
  readonly lowerQuartile: number;
  readonly median: number;
  readonly upperQuartile: number;
  /** `counts[p]` records have `p` bits set; `8 * byteLength + 1` entries. */
  readonly counts: Uint32Array;
}

/** A description of a data set on its own. */
export interface DatasetDescription {
  readonly recordCount: number;
  /** Bytes per CLK. */
  readonly byteLength: number;
  readonly popcounts: PopcountSummary;
  /** Records without any bit set. */
  readonly emptyCount: number;
  /** Records with all bits set. */
  readonly fullCount: number;
  /** Records equal to an earlier one, including empty ones. */
  readonly duplicateCount: number;
  /** Bit positions that have the same value in all records; 0 if there are fewer than two records. */
  readonly constantBitCount: number;
  /** Plain sentences about what looks wrong; empty if nothing does. */
  readonly warnings: readonly string[];
}

/** Set bits of each byte value. */
const BYTE_POPCOUNTS = new Uint8Array(256);
for (let byte = 1; byte < 256; byte++) BYTE_POPCOUNTS[byte] = BYTE_POPCOUNTS[byte >> 1]! + (byte & 1);

/** Describes a data set, to help a person judge whether its CLKs are sound. Takes linear time. */
export function describeDataset(dataset: ClkDataset): DatasetDescription {
  const { bytes, recordCount, byteLength } = dataset;
  const counts = new Uint32Array(8 * byteLength + 1);
  const ones = new Uint8Array(byteLength);
  const common = new Uint8Array(byteLength).fill(recordCount > 1 ? 255 : 0);
  let start = 0;
  for (let record = 0; record < recordCount; record++, start += byteLength) {
    let popcount = 0;
    for (let i = 0; i < byteLength; i++) {
      const byte = bytes[start + i]!;
      popcount += BYTE_POPCOUNTS[byte]!;
      ones[i]! |= byte;
      common[i]! &= byte;
    }
    counts[popcount]!++;
  }
  let varyingBitCount = 0;
  for (let i = 0; i < byteLength; i++) varyingBitCount += BYTE_POPCOUNTS[ones[i]! & ~common[i]!]!;
  const popcounts = summarizePopcounts(counts, recordCount);
  const facts = {
    recordCount,
    byteLength,
    popcounts,
    emptyCount: counts[0]!,
    fullCount: counts[8 * byteLength]!,
    duplicateCount: countDuplicateRows(dataset),
    constantBitCount: recordCount > 1 ? 8 * byteLength - varyingBitCount : 0,
  };
  return { ...facts, warnings: findWarnings(facts) };
}

/** Summarizes a histogram of popcounts: `counts[p]` of the `recordCount` records have `p` bits set. */
export function summarizePopcounts(counts: Uint32Array, recordCount: number): PopcountSummary {
  if (recordCount === 0) {
    const none = {
      min: 0,
      max: 0,
      mean: 0,
      standardDeviation: 0,
      lowerQuartile: 0,
      median: 0,
      upperQuartile: 0,
    };
    return { ...none, counts };
  }
  let sum = 0;
  counts.forEach((count, popcount) => {
    sum += count * popcount;
  });
  const mean = sum / recordCount;
  let squares = 0;
  counts.forEach((count, popcount) => {
    squares += count * (popcount - mean) ** 2;
  });
  const cumulated = new Float64Array(counts.length);
  for (let p = 0, total = 0; p < counts.length; p++) cumulated[p] = total += counts[p]!;
  /** The popcount of the record at a rank, counted from 0, with records sorted by popcount. */
  const atRank = (rank: number): number => cumulated.findIndex((total) => total > rank);
  const quantile = (share: number): number => {
    const rank = (recordCount - 1) * share;
    const below = atRank(Math.floor(rank));
    return below + (atRank(Math.ceil(rank)) - below) * (rank - Math.floor(rank));
  };
  return {
    min: atRank(0),
    max: atRank(recordCount - 1),
    mean,
    standardDeviation: Math.sqrt(squares / recordCount),
    lowerQuartile: quantile(0.25),
    median: quantile(0.5),
    upperQuartile: quantile(0.75),
    counts,
  };
}

function findWarnings(facts: Omit<DatasetDescription, "warnings">): string[] {
  const { recordCount, byteLength, popcounts, emptyCount, fullCount, duplicateCount, constantBitCount } =
    facts;
  if (recordCount === 0) return ["The data set has no records."];
  const warnings: string[] = [];
  const records = (count: number, verb: string, verbs: string): string =>
    `${count} of ${recordCount} records ${count === 1 ? verb : verbs}`;
  if (emptyCount > 0) {
    warnings.push(`${records(emptyCount, "has", "have")} no bit set: an empty CLK matches nothing.`);
  }
  if (fullCount > 0) {
    warnings.push(
      `${records(fullCount, "has", "have")} all bits set: a full CLK says nothing about its person.`,
    );
  }
  if (duplicateCount > 0) {
    warnings.push(
      `${records(duplicateCount, "equals", "equal")} an earlier record: the data may hold duplicates.`,
    );
  }
  const share = popcounts.mean / (8 * byteLength);
  const percent = `${(100 * share).toFixed(1)} %`;
  if (share < 0.1) {
    warnings.push(`On average only ${percent} of the bits are set: the CLKs may hold little information.`);
  } else if (share > 0.9) {
    warnings.push(`On average ${percent} of the bits are set: the CLKs are too full to distinguish people.`);
  }
  if (recordCount >= 100 && constantBitCount > 0) {
    const bits = `${constantBitCount} of ${8 * byteLength} bits`;
    warnings.push(`${bits} are the same in all records: the CLKs may be padded or made with a wrong length.`);
  }
  return warnings;
}
