import { LinkageError, wrongValue } from "../../core/errors.js";
import { BLOCK_HASH_LENGTH, type BlockNameHasher } from "./block-name-hash.js";
import type { BlockSorter } from "./block-sorter.js";
import { HASH_WORDS } from "./membership-arena.js";

export interface BlockRules {
  readonly maxRecords: number;
  readonly maxBlocksPerRow: number;
}

/**
 * Collects the blocks of each record as they are read, once per record. A record's blocks go to the sorter together,
 * when the blocks of the next record begin.
 */
export class BlockLists {
  /** The record whose blocks are being read; −1 before the first. */
  row = -1;
  private blockCount = 0;
  private words = new Uint32Array(16 * HASH_WORDS);
  private bytes = new Uint8Array(this.words.buffer);
  /** One bit for each record whose blocks were read separately from its encoding. */
  private listed = new Uint8Array(0);
  private highestListed = -1;

  constructor(
    private readonly rules: BlockRules,
    private readonly hasher: BlockNameHasher,
    private readonly sorter: Pick<BlockSorter, "add">,
  ) {}

  /** Begins the blocks of a record that has none yet. */
  begin(row: number): void {
    this.flush();
    this.row = row;
  }

  /** Begins the blocks of any record, even one that has not been read yet. Throws LinkageError `invalid-dataset`. */
  beginListed(row: number): void {
    if (row >= this.rules.maxRecords) throw unknownRow(row, this.rules.maxRecords);
    if (this.isListed(row)) {
      throw new LinkageError("invalid-dataset", `blocks lists row ${row} twice.`, { subject: "blocks" });
    }
    this.list(row);
    this.begin(row);
  }

  /** Adds a block to the current record, by its name in UTF-8. Returns what is wrong with it, if anything. */
  add(name: Uint8Array, length: number): string | undefined {
    if (this.blockCount === this.rules.maxBlocksPerRow)
      return `more than ${this.rules.maxBlocksPerRow} blocks`;
    const offset = this.blockCount * BLOCK_HASH_LENGTH;
    if (offset === this.bytes.length) this.grow();
    this.hasher.hashInto(name, length, this.bytes, offset);
    this.blockCount++;
    return undefined;
  }

  /** Ends the blocks. Throws LinkageError `invalid-dataset` if some belong to a record that does not exist. */
  finish(recordCount: number): void {
    this.flush();
    if (this.highestListed >= recordCount) throw unknownRow(this.highestListed, recordCount);
  }

  private flush(): void {
    if (this.blockCount > 0) this.sorter.add(this.row, this.words, this.blockCount);
    this.blockCount = 0;
  }

  private grow(): void {
    const larger = new Uint32Array(2 * this.words.length);
    larger.set(this.words);
    this.words = larger;
    this.bytes = new Uint8Array(larger.buffer);
  }

  private isListed(row: number): boolean {
    return (((this.listed[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 1;
  }

  private list(row: number): void {
    const index = row >>> 3;
    if (index >= this.listed.length) {
      const larger = new Uint8Array(Math.max(1024, 2 * index));
      larger.set(this.listed);
      this.listed = larger;
    }
    this.listed[index]! |= 1 << (row & 7);
    if (row > this.highestListed) this.highestListed = row;
  }
}

function unknownRow(row: number, rowCount: number): LinkageError {
  return wrongValue("invalid-dataset", "The row indices in blocks", `below ${rowCount}`, `${row}`);
}
