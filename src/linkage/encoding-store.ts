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

/** Where the encodings of all parties are. */
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
