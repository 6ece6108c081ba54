import { checkByteLength, MAX_RECORD_COUNT } from "../clk-dataset.js";
import { invalidOption, LinkageError } from "../errors.js";

/** How CLKs are read, and the limits beyond which a reader rejects the data. */
export interface ReadClksOptions {
  /** Bytes per CLK, 1 to 4096; rows of another width are row errors. Default: the width of the first valid row. */
  readonly byteLength?: number;
  /** Maximum number of records, 0 to 2³² − 1. Default 100,000,000. */
  readonly maxRecords?: number;
  /** Maximum number of blocks per row, 0 to 2³² − 1; a row with more is a row error. Default 1,000. */
  readonly maxBlocksPerRow?: number;
  /** Maximum length of a block's name in bytes of UTF-8, 1 to 1,048,576; a longer one is a row error. Default 4,096. */
  readonly maxBlockNameLength?: number;
  /** Maximum nesting depth of arrays and objects in JSON text, 1 to 10,000. Default 64. */
  readonly maxDepth?: number;
}

/** {@link ReadClksOptions}, checked and with defaults filled in. */
export interface ClkLimits {
  readonly byteLength: number | undefined;
  readonly maxRecords: number;
  readonly maxBlocksPerRow: number;
  readonly maxBlockNameLength: number;
  readonly maxDepth: number;
}

/** Checks options and fills in the defaults. Throws LinkageError `invalid-option`, for byteLength `invalid-dataset`. */
export function checkClkLimits(options: ReadClksOptions = {}): ClkLimits {
  if (options.byteLength !== undefined) checkByteLength(options.byteLength);
  return {
    byteLength: options.byteLength,
    maxRecords: checkLimit("maxRecords", options.maxRecords, 100_000_000, 0, MAX_RECORD_COUNT),
    maxBlocksPerRow: checkLimit("maxBlocksPerRow", options.maxBlocksPerRow, 1000, 0, MAX_RECORD_COUNT),
    maxBlockNameLength: checkLimit("maxBlockNameLength", options.maxBlockNameLength, 4096, 1, 1 << 20),
    maxDepth: checkLimit("maxDepth", options.maxDepth, 64, 1, 10_000),
  };
}

function checkLimit(
  name: string,
  value: number | undefined,
  preset: number,
  lowest: number,
  highest: number,
): number {
  if (value === undefined) return preset;
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalidOption(name, `a whole number from ${lowest} to ${highest}`, value);
}

/** The error for data with more records than `maxRecords`. */
export function tooManyRecords({ maxRecords }: ClkLimits): LinkageError {
  const message = `The data set has more than ${maxRecords} records, the limit set by maxRecords.`;
  return new LinkageError("invalid-dataset", message, {
    subject: "data set",
    expected: `at most ${maxRecords} records`,
    received: "more",
  });
}
