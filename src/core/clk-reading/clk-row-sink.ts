import type { TextSink } from "../json/json-text-sink.js";
import type { ClkMember } from "./clk-members.js";

/**
 * Receives one party's data from a reader: CLKs in row order and, before, between or after them, the blocks of rows. It
 * may throw to stop the reading.
 */
export interface ClkRowSink {
  /** Receives the base64 of the row started by {@link beginRow}. */
  readonly decoder: TextSink;
  /** A key that holds data, or `undefined` for an array without one. The following values belong to it. */
  beginMember(member: ClkMember | undefined): void;
  /** Starts the next row: its base64 goes to {@link decoder}, until {@link endRow} or {@link rejectRow}. */
  beginRow(): void;
  endRow(): void;
  /** Marks the latest row as invalid. */
  rejectRow(reason: string): void;
  /** Starts the blocks of the latest row. */
  beginBlocks(): void;
  /** Starts the blocks of any row, even of one that is still to come. */
  beginBlocksOf(row: number): void;
  /**
   * Adds a block to the row whose blocks were started: its name in UTF-8, the first `length` of `bytes`, which are
   * reused.
   */
  addBlockUtf8(bytes: Uint8Array, length: number): void;
  /** As {@link addBlockUtf8}, for an integer in decimal digits. */
  addBlock(name: string): void;
  /** Marks one or all blocks of the row as invalid. */
  rejectBlocks(reason: string): void;
}
