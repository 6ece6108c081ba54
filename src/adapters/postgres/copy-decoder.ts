import { ServiceError } from "../../linkage/errors.js";

/** Called for each row: field `n` is `bytes[bounds[2 * n] … bounds[2 * n + 1])`, valid during the call. */
export type OnCopyRow = (bytes: Buffer, bounds: Uint32Array) => void;

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** Signature, flags, and the length of the header's extension. */
const HEADER_LENGTH = SIGNATURE.length + 8;
/** Flags in the upper half mean a row layout that we do not know. */
const CRITICAL_FLAGS = 0xffff0000;
const END_OF_ROWS = -1;

/**
 * Decodes PostgreSQL's binary COPY format from a stream of chunks, which may be split anywhere. The format is a header,
 * then for each row the number of its fields, and for each field its length and its bytes; all numbers are big-endian.
 * Memory: one row and one chunk.
 */
export class CopyDecoder {
  readonly #bounds: Uint32Array;
  readonly #onRow: OnCopyRow;
  #rest: Buffer = Buffer.alloc(0);
  #isBehindHeader = false;
  #hasEnded = false;

  /** @param fieldCount fields in each row; none may be NULL */
  constructor(fieldCount: number, onRow: OnCopyRow) {
    this.#bounds = new Uint32Array(2 * fieldCount);
    this.#onRow = onRow;
  }

  /** @throws ServiceError `store-failed` for input that is not in this format; and what `onRow` throws */
  write(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    if (!this.#isBehindHeader) at = this.#readHeader(bytes);
    if (this.#isBehindHeader) at = this.#readRows(bytes, at);
    this.#rest = bytes.subarray(at);
  }

  /** @throws ServiceError `store-failed` if the rows are incomplete */
  end(): void {
    if (!this.#hasEnded) throw wrong("it ended before all rows arrived");
  }

  /** Returns where the rows begin; 0 while the header is incomplete. */
  #readHeader(bytes: Buffer): number {
    if (bytes.length < HEADER_LENGTH) return 0;
    if (!bytes.subarray(0, SIGNATURE.length).equals(SIGNATURE)) throw wrong("it lacks the signature");
    if ((bytes.readUInt32BE(SIGNATURE.length) & CRITICAL_FLAGS) !== 0) throw wrong("it has unknown flags");
    const length = HEADER_LENGTH + bytes.readUInt32BE(SIGNATURE.length + 4);
    if (bytes.length < length) return 0;
    this.#isBehindHeader = true;
    return length;
  }

  /** Reads all complete rows; returns where the rest begins. */
  #readRows(bytes: Buffer, from: number): number {
    const bounds = this.#bounds;
    const fieldCount = bounds.length / 2;
    let at = from;
    while (!this.#hasEnded && at + 2 <= bytes.length) {
      const count = bytes.readInt16BE(at);
      if (count === END_OF_ROWS) {
        this.#hasEnded = true;
        return at + 2;
      }
      if (count !== fieldCount) throw wrong(`a row has ${count} fields instead of ${fieldCount}`);
      let next = at + 2;
      for (let field = 0; field < fieldCount; field++) {
        if (next + 4 > bytes.length) return at;
        const length = bytes.readInt32BE(next);
        if (length < 0) throw wrong(`field ${field} of a row has no value`);
        bounds[2 * field] = next + 4;
        bounds[2 * field + 1] = next += 4 + length;
      }
      if (next > bytes.length) return at;
      this.#onRow(bytes, bounds);
      at = next;
    }
    return at;
  }
}

function wrong(problem: string): ServiceError {
  return new ServiceError("store-failed", `PostgreSQL sent an invalid binary COPY: ${problem}.`);
}
