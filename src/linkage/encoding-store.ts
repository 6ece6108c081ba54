import type { ClkDataset } from "../core/clk-dataset.js";

/** Rows of a block, ordered by entity id: from the first one to the second, which is excluded. */
export interface BlockRows {
  readonly dataproviderId: number;
  readonly blockId: number;
  readonly from: number;
  readonly to: number;
}

/** Encodings with the entities that they belong to, each entity once. */
export interface StoredEncodings {
  /** Over shared memory, so that threads need no copy. */
  readonly dataset: ClkDataset;
  /** The entity id (the row in the party's upload) of each record, ascending. */
  readonly entityIds: Uint32Array;
}

/** The rows of several blocks: an entity's encoding once, however many of the blocks it is in. */
export interface StoredBlocks extends StoredEncodings {
  /** One more than there are blocks: block `n` of the request holds `records[starts[n] … starts[n + 1])`. */
  readonly starts: Uint32Array;
  /** Record indices, ascending within each block. */
  readonly records: Uint32Array;
}

/**
 * A block, and the rows that are in it, ascending, each once. A block of many rows comes in several pieces, which follow
 * one another: of one name, and of the same {@link BlockMembers.recordCount}.
 */
export interface BlockMembers {
  /** As the original hashes names: 64 hexadecimal characters. */
  readonly name: string;
  /** Rows in the whole block, all its pieces together; 1 or more. */
  readonly recordCount: number;
  /** Those of this piece: 1 up to 262,144. */
  readonly rows: Uint32Array;
}

/** An upload that is being stored; nobody else sees it before {@link EncodingWriter.commit}. */
export interface EncodingWriter {
  /** Adds encodings: whole rows, in the order of the rows. Resolves when more can be taken. */
  write(rows: Uint8Array): Promise<void>;

  /**
   * Ends the rows, and adds the blocks, each block once (in one piece or more). Then all of it can be read.
   *
   * @returns how many blocks there are
   */
  commit(blocks: AsyncIterable<BlockMembers>): Promise<{ readonly blockCount: number }>;

  /** Breaks off; nothing stays. Also after a failed write or commit. Never rejects. */
  abort(): Promise<void>;
}

/** Where encodings are put by those who receive them. */
export interface WritableEncodingStore extends EncodingStore {
  /** The object that would hold an upload; `undefined` where encodings are in tables. */
  fileOf(receiptToken: string): string | undefined;

  /**
   * Begins to store an upload of a party that has none.
   *
   * @param byteLength bytes in one encoding
   */
  begin(dataproviderId: number, receiptToken: string, byteLength: number): Promise<EncodingWriter>;

  /** Removes all that is stored of an upload, complete or not; it may be stored again then. */
  remove(dataproviderId: number, receiptToken: string): Promise<void>;
}

/** Where the encodings of all parties are read. */
export interface EncodingStore {
  /**
   * Reads a range of a block; what lies beyond the block's end is left out. Memory: the encodings, and one chunk of
   * what the store sends.
   *
   * @param byteLength bytes in one encoding
   * @throws ServiceError `missing-encodings` if no row is in the range; `invalid-encodings` for one of another size
   */
  readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings>;

  /**
   * Reads whole blocks of one party in one query, 1 block or many thousands.
   *
   * @param blockIds each once
   * @param byteLength bytes in one encoding
   * @throws ServiceError `missing-encodings` if a block has no row; `invalid-encodings` for an encoding of another size
   */
  readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks>;
}
