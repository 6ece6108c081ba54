import type { BlockPlace } from "./layout.js";

/** Number of record indices written at once for a block that turns out not to be consecutive. */
const CHUNK_ROWS = 2 ** 16;

/**
 * Collects the record indices of a block, piece by piece. As long as the indices are consecutive, no list is needed; at
 * the first gap, all of them must be listed.
 */
export class ListedRows {
  recordCount = 0;
  readonly #offset: number;
  #firstRow = 0;
  #isListed = false;

  /** @param offset where the list would start in the file */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Takes the next record indices, ascending; yields the indices that must be written now. */
  *add(rows: Uint32Array): Generator<Uint32Array> {
    if (this.recordCount === 0) this.#firstRow = rows[0]!;
    const next = this.#firstRow + this.recordCount;
    const isConsecutive = rows[0] === next && rows.at(-1) === next + rows.length - 1;
    if (!this.#isListed && !isConsecutive) {
      this.#isListed = true;
      for (let from = this.#firstRow; from < next; from += CHUNK_ROWS) {
        yield Uint32Array.from({ length: Math.min(CHUNK_ROWS, next - from) }, (_, n) => from + n);
      }
    }
    this.recordCount += rows.length;
    if (this.#isListed) yield rows;
  }

  get place(): BlockPlace {
    return this.#isListed
      ? { kind: "listed", offset: this.#offset }
      : { kind: "consecutive", firstRow: this.#firstRow };
  }
}
