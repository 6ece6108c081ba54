import type { ClkDataset } from "../core/clk-dataset.js";

/** Records of a block in order of entity id: from position `from`, included, to position `to`, excluded. */
export interface BlockRows {
  readonly dataproviderId: number;
  readonly blockId: number;
  readonly from: number;
  readonly to: number;
}

/** Encodings with their entity ids, each entity once. */
export interface StoredEncodings {
  /** In shared memory, so that threads need no copy. */
  readonly dataset: ClkDataset;
  /** The entity id of each record (its index in the party's upload), ascending. */
  readonly entityIds: Uint32Array;
}

/** The records of several blocks. Each encoding is included once, even if the record is in several of the blocks. */
export interface StoredBlocks extends StoredEncodings {
  /** One more entry than blocks: block `n` of the request consists of `records[starts[n] … starts[n + 1])`. */
  readonly starts: Uint32Array;
  /** Record indices, ascending within each block. */
  readonly records: Uint32Array;
}

/**
 * A block and the indices of its records, ascending, each once. A large block comes in several consecutive pieces with
 * the same name and the same {@link BlockMembers.recordCount}.
 */
export interface BlockMembers {
  /** The hash of the name as the Python service computes it: 64 hexadecimal characters. */
  readonly name: string;
  /** Records in the whole block, over all its pieces; 1 or more. */
  readonly recordCount: number;
  /** The record indices of this piece: 1 to 262,144. */
  readonly rows: Uint32Array;
}

/** An upload that is being stored; invisible to readers before {@link EncodingWriter.commit}. */
export interface EncodingWriter {
  /** Adds the encodings of whole records, in record order. Resolves when the writer can accept more. */
  write(rows: Uint8Array): Promise<void>;

  /**
   * Ends the encodings and adds the blocks, each once (in one or more pieces). After that the upload can be read.
   *
   * @returns the number of blocks
   */
  commit(blocks: AsyncIterable<BlockMembers>): Promise<{ readonly blockCount: number }>;

  /** Aborts and removes everything stored. May also be called after a failed write or commit. Never rejects. */
  abort(): Promise<void>;
}

/** An encoding store that can receive uploads. */
export interface WritableEncodingStore extends EncodingStore {
  /** The object that would hold an upload; `undefined` if encodings are stored in tables. */
  fileOf(receiptToken: string): string | undefined;

  /**
   * Starts to store an upload of a party that has none.
   *
   * @param byteLength bytes in one encoding
   */
  begin(dataproviderId: number, receiptToken: string, byteLength: number): Promise<EncodingWriter>;

  /** Removes all data of an upload, complete or not; after that it may be stored again. */
  remove(dataproviderId: number, receiptToken: string): Promise<void>;
}

/** Reads the encodings of all parties. */
export interface EncodingStore {
  /**
   * Reads a range of a block, clipped to the block's end. Memory: the encodings, and one chunk of the store's response.
   *
   * @param byteLength bytes in one encoding
   * @throws ServiceError `missing-encodings` if the range has no records; `invalid-encodings` for an encoding of
   *   another size
   */
  readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings>;

  /**
   * Reads whole blocks of one party in one query, from one block to many thousands.
   *
   * @param blockIds each once
   * @param byteLength bytes in one encoding
   * @throws ServiceError `missing-encodings` if a block has no records; `invalid-encodings` for another encoding size
   */
  readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks>;
}
