import { MAX_BYTE_LENGTH } from "../../core/clk-dataset.js";
import { Base64Decoder } from "../../core/clk-reading/base64.js";
import type { ClkMember } from "../../core/clk-reading/clk-members.js";
import type { ClkRowSink } from "../../core/clk-reading/clk-row-sink.js";
import { RowProblems } from "../../core/clk-reading/row-problems.js";
import { LinkageError, MAX_ROW_PROBLEMS } from "../../core/errors.js";
import type { BlockLists, BlockRules } from "./block-lists.js";

/** What the rows of an upload must be. */
export interface RowRules extends BlockRules {
  /** The keys under which data may be. */
  readonly checkMember: (member: ClkMember | undefined) => void;
  /**
   * What a file's metadata says: only so many rows are read, each padded with zeros or cut to that many bytes. Without it,
   * all rows are read, which must be of one width.
   */
  readonly promised?: { readonly recordCount: number; readonly byteLength: number } | undefined;
  /** Told when the rows are external files. */
  readonly foundFile?: (() => never) | undefined;
}

const FIRST_ROOM = 1 << 18;
/** Rows are handed out once there are so many bytes. */
const FULL_LENGTH = 7 << 15;

/**
 * Takes the rows of a JSON upload as they are read, and hands them out in pieces. Each row is checked as it comes; once
 * 100 rows are wrong, reading ends.
 */
export class StreamedRows implements ClkRowSink {
  readonly decoder = new Base64Decoder();
  /** Rows so far, wrong ones included. */
  recordCount = 0;
  /** Bytes in a row, once there was a sound one. */
  byteLength: number | undefined;
  readonly foundFile?: () => never;
  private readonly row: Uint8Array;
  private rows = new Uint8Array(0);
  private used = 0;
  private isIgnored = false;
  private readonly problems = new RowProblems();
  private problemCount = 0;

  /** @param blocks takes the blocks of the rows */
  constructor(
    private readonly rules: RowRules,
    private readonly blocks: BlockLists,
  ) {
    this.byteLength = rules.promised?.byteLength;
    this.row = new Uint8Array(this.byteLength ?? MAX_BYTE_LENGTH);
    if (rules.foundFile !== undefined) this.foundFile = rules.foundFile;
  }

  /** Whether it is time to take the rows. */
  get isFull(): boolean {
    return this.used >= FULL_LENGTH;
  }

  /** Hands out the whole rows since the last time; their memory is given away. */
  takeRows(): Uint8Array {
    const rows = this.rows.subarray(0, this.used);
    this.rows = new Uint8Array(0);
    this.used = 0;
    return rows;
  }

  /** Checks what only the end can tell. Throws LinkageError `invalid-dataset` or InvalidRowsError. */
  finish(): void {
    this.finishBlocks(this.recordCount);
    const promised = this.rules.promised?.recordCount;
    if (promised !== undefined && this.recordCount < promised) {
      throw new LinkageError("invalid-dataset", "rows", `${promised}`, `${this.recordCount}`);
    }
    if (this.recordCount === 0) throw new LinkageError("invalid-dataset", "rows", "one or more", "none");
  }

  /** The same where there are blocks alone, of so many rows. */
  finishBlocks(recordCount: number): void {
    this.blocks.finish(recordCount);
    this.problems.throwIfAny();
  }

  beginMember(member: ClkMember | undefined): void {
    this.rules.checkMember(member);
  }

  beginRow(): void {
    this.isIgnored = this.recordCount === this.rules.promised?.recordCount;
    if (!this.isIgnored) {
      if (this.recordCount === this.rules.maxRecords) {
        throw new LinkageError("invalid-dataset", "rows", `at most ${this.rules.maxRecords}`, "more");
      }
      this.recordCount++;
    }
    this.decoder.start(this.row, 0, this.byteLength ?? MAX_BYTE_LENGTH);
  }

  endRow(): void {
    const problem = this.decoder.finish();
    if (this.isIgnored) return;
    const { byteCount } = this.decoder;
    if (problem !== undefined) this.rejectRow(problem);
    else if (this.rules.promised !== undefined) {
      this.row.fill(0, byteCount);
      this.keepRow(this.row);
    } else if (this.acceptWidth(byteCount)) this.keepRow(this.row.subarray(0, byteCount));
  }

  rejectRow(reason: string): void {
    if (!this.isIgnored) this.addProblem(this.recordCount - 1, reason);
  }

  beginBlocks(): void {
    this.blocks.begin(this.recordCount - 1);
  }

  beginBlocksOf(row: number): void {
    this.blocks.beginListed(row);
  }

  addBlockUtf8(bytes: Uint8Array, length: number): void {
    const problem = this.blocks.add(bytes, length);
    if (problem !== undefined) this.rejectBlocks(problem);
  }

  addBlock(name: string): void {
    const bytes = Buffer.from(name);
    this.addBlockUtf8(bytes, bytes.length);
  }

  rejectBlocks(reason: string): void {
    this.addProblem(this.blocks.row, reason);
  }

  private addProblem(row: number, reason: string): void {
    this.problems.add(row, reason);
    if (++this.problemCount === MAX_ROW_PROBLEMS) this.problems.throwIfAny();
  }

  private acceptWidth(byteCount: number): boolean {
    if (byteCount === this.byteLength) return true;
    if (this.byteLength !== undefined) {
      this.rejectRow(`${byteCount} bytes where the rows before have ${this.byteLength}`);
    } else if (byteCount === 0) this.rejectRow("an empty encoding");
    else if (byteCount > MAX_BYTE_LENGTH) this.rejectRow(`${byteCount} bytes, more than ${MAX_BYTE_LENGTH}`);
    else this.byteLength = byteCount;
    return byteCount === this.byteLength;
  }

  private keepRow(row: Uint8Array): void {
    if (this.rows.length - this.used < row.length) {
      const larger = new Uint8Array(Math.max(FIRST_ROOM, 2 * (this.used + row.length)));
      larger.set(this.rows.subarray(0, this.used));
      this.rows = larger;
    }
    this.rows.set(row, this.used);
    this.used += row.length;
  }
}
