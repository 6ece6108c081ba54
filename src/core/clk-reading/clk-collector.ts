import { type BlockIndex, BlockIndexBuilder } from "../blocks.js";
import { type ClkDataset, createClkDataset, MAX_BYTE_LENGTH } from "../clk-dataset.js";
import { LinkageError, wrongValue } from "../errors.js";
import { GrowableUint32 } from "../growable-uint32.js";
import { Base64Decoder } from "./base64.js";
import { ByteSegments } from "./byte-segments.js";
import { type ClkLimits, tooManyRecords } from "./clk-limits.js";
import type { ClkMember } from "./clk-members.js";
import type { ClkRowSink } from "./clk-row-sink.js";
import { RowProblems } from "./row-problems.js";

/** What a reader returns for one party's data. */
export interface ClkInput {
  readonly dataset: ClkDataset;
  /** Only if the data names blocks. */
  readonly blocks?: BlockIndex;
}

/** If the number of rows is known, memory of the exact size is allocated at once, up to this many bytes. */
const MAX_EXACT_LENGTH = 1 << 30;

/**
 * Builds a data set row by row, for any reader: the CLKs in row order and, before, between or after them, the blocks of
 * rows. Problems of individual rows are collected and thrown by {@link finish}.
 */
export class ClkCollector implements ClkRowSink {
  /** Receives the base64 of the row started by {@link beginRow}. */
  readonly decoder = new Base64Decoder();
  private byteLength: number | undefined;
  private rowCount = 0;
  private readonly bytes: ByteSegments;
  private readonly problems = new RowProblems();
  private blocks: BlockIndexBuilder | undefined;
  private blockRow = -1;
  private blockCount = 0;
  /** The rows whose blocks were given separately from their CLKs. */
  private readonly listedRows = new GrowableUint32(16);

  /** @param expectedRows the number of rows to come, if known */
  constructor(
    private readonly limits: ClkLimits,
    expectedRows = 0,
  ) {
    this.byteLength = limits.byteLength;
    const width = limits.byteLength ?? 0;
    this.bytes = new ByteSegments(expectedRows * width <= MAX_EXACT_LENGTH ? expectedRows * width : 0);
  }

  beginMember(member: ClkMember | undefined): void {
    if (member === "clknblocks" || member === "blocks") this.useBlocks();
  }

  /** Starts the next row: its base64 goes to {@link decoder}, until {@link endRow} or {@link rejectRow}. */
  beginRow(): void {
    if (this.rowCount === this.limits.maxRecords) throw tooManyRecords(this.limits);
    this.rowCount++;
    const limit = this.byteLength ?? MAX_BYTE_LENGTH;
    this.bytes.reserve(limit);
    this.decoder.start(this.bytes.segment, this.bytes.used, limit);
  }

  /** Ends a row whose base64 went to {@link decoder}. */
  endRow(): void {
    const problem = this.decoder.finish();
    if (problem !== undefined) this.rejectRow(problem);
    else if (this.acceptWidth(this.decoder.byteCount)) this.bytes.commit(this.decoder.byteCount);
  }

  /** Adds a row of plain bytes, instead of {@link beginRow} and {@link endRow}. */
  addRow(clk: Uint8Array): void {
    this.beginRow();
    if (this.acceptWidth(clk.length)) this.bytes.append(clk);
  }

  /** Marks the latest row as invalid. */
  rejectRow(reason: string): void {
    this.problems.add(this.rowCount - 1, reason);
  }

  /** Marks the data as having blocks, even if no row is in one. */
  useBlocks(): void {
    this.blocks ??= new BlockIndexBuilder();
  }

  /** Starts the blocks of the latest row. */
  beginBlocks(): void {
    this.useBlocks();
    this.blockRow = this.rowCount - 1;
    this.blockCount = 0;
  }

  /** Starts the blocks of any row, even of one that is still to come. */
  beginBlocksOf(row: number): void {
    this.useBlocks();
    this.blockRow = row;
    this.blockCount = 0;
    this.listedRows.push(row);
  }

  /** Adds a block to the row of {@link beginBlocks} or {@link beginBlocksOf}. The caller has checked its length. */
  addBlock(block: string | number): void {
    if (this.countBlock()) this.blocks?.add(this.blockRow, block);
  }

  /** As {@link addBlock}, for a block's name in UTF-8: the first `length` of `bytes`. */
  addBlockUtf8(bytes: Uint8Array, length: number): void {
    if (this.countBlock()) this.blocks?.addUtf8(this.blockRow, bytes, length);
  }

  /** Marks one or all blocks of the row as invalid. */
  rejectBlocks(reason: string): void {
    this.problems.add(this.blockRow, reason);
  }

  /** Makes the checks that need all data. Throws LinkageError `invalid-dataset` or InvalidRowsError. */
  finish(): ClkInput {
    this.checkListedRows();
    this.problems.throwIfAny();
    if (this.byteLength === undefined) {
      const message = "The data set has no rows; it needs at least one row, or the option byteLength.";
      throw new LinkageError("invalid-dataset", message, { subject: "data set", received: "no rows" });
    }
    const dataset = createClkDataset(this.bytes.join(), this.byteLength);
    return this.blocks === undefined ? { dataset } : { dataset, blocks: this.blocks.build() };
  }

  private acceptWidth(byteCount: number): boolean {
    if (byteCount === this.byteLength) return true;
    if (this.byteLength !== undefined) {
      this.rejectRow(`a CLK of ${byteCount} bytes instead of ${this.byteLength}`);
      return false;
    }
    if (byteCount === 0) this.rejectRow("an empty CLK");
    else if (byteCount > MAX_BYTE_LENGTH) {
      this.rejectRow(`a CLK of ${byteCount} bytes, more than ${MAX_BYTE_LENGTH}`);
    } else {
      this.byteLength = byteCount;
      return true;
    }
    return false;
  }

  private countBlock(): boolean {
    if (++this.blockCount <= this.limits.maxBlocksPerRow) return true;
    this.rejectBlocks(`more than ${this.limits.maxBlocksPerRow} blocks`);
    return false;
  }

  private checkListedRows(): void {
    const seen = new Uint8Array(this.listedRows.length > 0 ? this.rowCount : 0);
    for (const row of this.listedRows.view()) {
      if (row >= this.rowCount) {
        throw wrongValue("invalid-dataset", "The row indices in blocks", `below ${this.rowCount}`, `${row}`);
      }
      if (seen[row]) {
        throw new LinkageError("invalid-dataset", `blocks lists row ${row} twice.`, { subject: "blocks" });
      }
      seen[row] = 1;
    }
  }
}
