import type { TextSink } from "../json/json-text-sink.js";
import type { ClkMember } from "./clk-members.js";

/**
 * Takes what a reader finds in one party's data: CLKs in row order, and, before, between or after them, the blocks of
 * rows. It may throw to end the reading.
 */
export interface ClkRowSink {
  /** Takes the base64 of the row that {@link beginRow} began. */
  readonly decoder: TextSink;
  /** A key that holds data; or, `undefined`, an array without one. What follows belongs to it. */
  beginMember(member: ClkMember | undefined): void;
  /** Begins the next row: its base64 goes to {@link decoder}, until {@link endRow} or {@link rejectRow}. */
  beginRow(): void;
  endRow(): void;
  /** Notes that the newest row is wrong. */
  rejectRow(reason: string): void;
  /** Begins the blocks of the newest row. */
  beginBlocks(): void;
  /** Begins the blocks of any row, even of one that is still to come. */
  beginBlocksOf(row: number): void;
  /** A block of the row whose blocks were begun: its name in UTF-8, the first `length` of `bytes`, which are reused. */
  addBlockUtf8(bytes: Uint8Array, length: number): void;
  /** The same for an integer, in decimal digits. */
  addBlock(name: string): void;
  /** Notes that a block, or the blocks, of the row are wrong. */
  rejectBlocks(reason: string): void;
  /**
   * Told where the data names files instead of holding rows: `encodings` is an object, or `blocks` has the key `file`.
   * Without it, that is an error.
   */
  foundFile?(): never;
}
