import { describeValue, wrongValue } from "./errors.js";

/** Maximum width of a CLK that the kernels support, in bytes (32,768 bits). */
export const MAX_BYTE_LENGTH = 4096;

/** Maximum number of records in a data set: record indices are unsigned 32-bit. */
export const MAX_RECORD_COUNT = 2 ** 32 - 1;

/**
 * The packed CLKs of one party: record `i` is `bytes[i * byteLength … (i + 1) * byteLength)`. Bit order within a byte
 * does not affect any comparison. Created and checked by {@link createClkDataset} or a reader of clk-format.ts.
 */
export interface ClkDataset {
  /** `recordCount * byteLength` bytes. Readers use shared memory if available, so that threads need no copy. */
  readonly bytes: Uint8Array;
  readonly recordCount: number;
  /** Bytes per CLK, 1 to {@link MAX_BYTE_LENGTH}. */
  readonly byteLength: number;
}

/**
 * Checks packed CLKs and creates a data set of them, without a copy.
 *
 * @param bytes all CLKs, back to back; a whole number of records
 * @param byteLength bytes per CLK, 1 to 4096
 * @throws LinkageError `invalid-dataset`
 */
export function createClkDataset(bytes: Uint8Array, byteLength: number): ClkDataset {
  if (!(bytes instanceof Uint8Array)) {
    throw wrongValue("invalid-dataset", "bytes", "a Uint8Array", describeValue(bytes));
  }
  checkByteLength(byteLength);
  const rest = bytes.length % byteLength;
  if (rest !== 0) {
    throw wrongValue(
      "invalid-dataset",
      "The length of the packed CLKs",
      `a multiple of byteLength ${byteLength}`,
      `${bytes.length} bytes (${rest} too many)`,
    );
  }
  const recordCount = bytes.length / byteLength;
  if (recordCount > MAX_RECORD_COUNT) {
    const expected = `at most ${MAX_RECORD_COUNT}`;
    throw wrongValue("invalid-dataset", "The number of records", expected, `${recordCount}`);
  }
  return Object.freeze({ bytes, recordCount, byteLength });
}

/** Checks the width of a CLK: a whole number of bytes, 1 to 4096. Throws `invalid-dataset`. */
export function checkByteLength(byteLength: number): void {
  if (!Number.isInteger(byteLength) || byteLength < 1 || byteLength > MAX_BYTE_LENGTH) {
    const expected = `a whole number from 1 to ${MAX_BYTE_LENGTH}`;
    throw wrongValue("invalid-dataset", "byteLength", expected, describeValue(byteLength));
  }
}

/** Zeroed memory for `length` bytes: shared between threads if the platform allows it. */
export function allocateBytes(length: number): Uint8Array {
  const shared = typeof SharedArrayBuffer === "function";
  return new Uint8Array(shared ? new SharedArrayBuffer(length) : new ArrayBuffer(length));
}

/** As {@link allocateBytes}, for `length` unsigned 32-bit numbers. */
export function allocateUint32(length: number): Uint32Array {
  return new Uint32Array(allocateBytes(4 * length).buffer);
}
