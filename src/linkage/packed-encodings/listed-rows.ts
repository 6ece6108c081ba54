import type { BlockPlace } from "./layout.js";

/** Rows that are written at once, where they turned out not to be consecutive. */
const CHUNK_ROWS = 2 ** 16;

/**
 * A block's rows as its pieces come: nothing needs to be listed as long as each row follows the one before; once one does
 * not, all must be.
 */
export class ListedRows {
  recordCount = 0;
  readonly #offset: number;
  #firstRow = 0;
  #isListed = false;

  /** @param offset where the list would begin in the file */
  constructor(offset: number) {
    this.#offset = offset;
  }

  /** Takes the next rows, ascending; returns what must be written now. */
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
