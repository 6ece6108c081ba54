import { MAX_BYTE_LENGTH } from "../../core/clk-dataset.js";
import { Base64Decoder } from "../../core/clk-reading/base64.js";
import type { ClkMember } from "../../core/clk-reading/clk-members.js";
import type { ClkRowSink } from "../../core/clk-reading/clk-row-sink.js";
import { RowProblems } from "../../core/clk-reading/row-problems.js";
import { LinkageError, MAX_ROW_PROBLEMS } from "../../core/errors.js";
import type { BlockLists, BlockRules } from "./block-lists.js";

/** Requirements for the records of an upload. */
export interface RowRules extends BlockRules {
  /** Throws for a key that must not hold data. */
  readonly checkMember: (member: ClkMember | undefined) => void;
  /**
   * From a file's metadata: only `recordCount` records are read, each padded with zeros or cut to `byteLength` bytes.
   * If it is not set, all records are read, and must have one width.
   */
  readonly fileMetadata?: { readonly recordCount: number; readonly byteLength: number };
}

const FIRST_ROOM = 1 << 18;
/** Records are handed out once they have this many bytes. */
const FULL_LENGTH = 7 << 15;

/**
 * Takes the records of a JSON upload as they are read, and hands them out in pieces. Each record is checked
 * immediately; reading stops after 100 problems.
 */
export class UploadRowCollector implements ClkRowSink {
  readonly decoder = new Base64Decoder();
  /** Records so far, including invalid ones. */
  recordCount = 0;
  /** Bytes in an encoding; unless given by `fileMetadata`, known after the first valid record. */
  byteLength: number | undefined;
  private readonly row: Uint8Array;
  private rows = new Uint8Array(0);
  private used = 0;
  private isIgnored = false;
  private readonly problems = new RowProblems();
  private problemCount = 0;

  /** @param blocks takes the blocks of the records */
  constructor(
    private readonly rules: RowRules,
    private readonly blocks: BlockLists,
  ) {
    this.byteLength = rules.fileMetadata?.byteLength;
    this.row = new Uint8Array(this.byteLength ?? MAX_BYTE_LENGTH);
  }

  /** Whether the records should be taken now. */
  get isFull(): boolean {
    return this.used >= FULL_LENGTH;
  }

  /** Hands out the whole records since the last call; the caller owns their memory. */
  takeRows(): Uint8Array {
    const rows = this.rows.subarray(0, this.used);
    this.rows = new Uint8Array(0);
    this.used = 0;
    return rows;
  }

  /** Checks what is known only at the end. Throws LinkageError `invalid-dataset` or InvalidRowsError. */
  finish(): void {
    this.finishBlocks(this.recordCount);
    const promisedCount = this.rules.fileMetadata?.recordCount;
    if (promisedCount !== undefined && this.recordCount < promisedCount) {
      const message = `Expected ${promisedCount} rows, but the upload has ${this.recordCount}.`;
      throw new LinkageError("invalid-dataset", message, { subject: "rows" });
    }
    if (this.recordCount === 0) {
      throw new LinkageError("invalid-dataset", "The upload has no rows.", { subject: "rows" });
    }
  }

  /** The same for blocks alone, of `recordCount` records. */
  finishBlocks(recordCount: number): void {
    this.blocks.finish(recordCount);
    this.problems.throwIfAny();
  }

  beginMember(member: ClkMember | undefined): void {
    this.rules.checkMember(member);
  }

  beginRow(): void {
    this.isIgnored = this.recordCount === this.rules.fileMetadata?.recordCount;
    if (!this.isIgnored) {
      if (this.recordCount === this.rules.maxRecords) {
        const message = `The upload must have at most ${this.rules.maxRecords} rows.`;
        throw new LinkageError("invalid-dataset", message, { subject: "rows" });
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
    else if (this.rules.fileMetadata !== undefined) {
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
      this.rejectRow(`an encoding of ${byteCount} bytes, but the rows before have ${this.byteLength}`);
    } else if (byteCount === 0) this.rejectRow("an empty encoding");
    else if (byteCount > MAX_BYTE_LENGTH) {
      this.rejectRow(`an encoding of ${byteCount} bytes, more than ${MAX_BYTE_LENGTH}`);
    } else this.byteLength = byteCount;
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
