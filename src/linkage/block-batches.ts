import { GrowableUint32 } from "../core/growable-uint32.js";
import type { BlockMembers } from "./encoding-store.js";
import { ServiceError } from "./errors.js";

/** Maximum numbers of blocks, and of records in them, that are stored in one step. */
const MAX_BLOCKS = 16_384;
const MAX_ROWS = 2 ** 20;

export interface NewBlock {
  readonly name: string;
  readonly recordCount: number;
}

/** Records of a block in a batch; the next piece may belong to the same block. */
export interface BlockPiece {
  /** Position in {@link BlockBatch.blocks}. */
  readonly index: number;
  /** Record indices, ascending; valid until the next piece is requested. */
  readonly rows: Uint32Array;
}

export interface BlockBatch {
  readonly blocks: readonly NewBlock[];
  /** In the order of the blocks; must be read to the end, once, before the next batch is requested. */
  readonly pieces: AsyncIterable<BlockPiece>;
}

/**
 * Combines small blocks into batches, so that they can be stored by the thousands. A block that arrives in several
 * pieces is passed through as a separate batch. Memory: a million record indices and the names of their blocks.
 *
 * @param recordCount records in the upload
 * @throws ServiceError `invalid-arguments` for record indices that do not ascend or exist, or a wrong number of them
 */
export async function* batchBlocks(
  blocks: AsyncIterable<BlockMembers>,
  recordCount: number,
): AsyncGenerator<BlockBatch, void, undefined> {
  const members = blocks[Symbol.asyncIterator]();
  try {
    let whole = new WholeBlocks();
    for (let next = await members.next(); !next.done; next = await members.next()) {
      checkRows(next.value, -1, recordCount);
      if (next.value.rows.length === next.value.recordCount) {
        whole.add(next.value);
        if (!whole.isFull) continue;
        yield whole;
        whole = new WholeBlocks();
      } else {
        if (whole.blocks.length > 0) yield whole;
        whole = new WholeBlocks();
        const { name, recordCount: blockCount } = next.value;
        const pieces = piecesOf(next.value, members, recordCount);
        yield { blocks: [{ name, recordCount: blockCount }], pieces };
      }
    }
    if (whole.blocks.length > 0) yield whole;
  } finally {
    await members.return?.();
  }
}

/** Blocks that arrived in one piece each. */
class WholeBlocks implements BlockBatch {
  readonly blocks: NewBlock[] = [];
  readonly #rows = new GrowableUint32();

  get isFull(): boolean {
    return this.blocks.length >= MAX_BLOCKS || this.#rows.length >= MAX_ROWS;
  }

  add({ name, recordCount, rows }: BlockMembers): void {
    this.blocks.push({ name, recordCount });
    for (let n = 0; n < rows.length; n++) this.#rows.push(rows[n]!);
  }

  get pieces(): AsyncIterable<BlockPiece> {
    return this.#pieces();
  }

  async *#pieces(): AsyncGenerator<BlockPiece> {
    const all = this.#rows.view();
    let from = 0;
    for (const [index, { recordCount }] of this.blocks.entries()) {
      yield { index, rows: all.subarray(from, (from += recordCount)) };
    }
  }
}

async function* piecesOf(
  first: BlockMembers,
  members: AsyncIterator<BlockMembers>,
  recordCount: number,
): AsyncGenerator<BlockPiece> {
  let piece = first;
  let sent = 0;
  for (;;) {
    const last = piece.rows.at(-1)!;
    yield { index: 0, rows: piece.rows };
    sent += piece.rows.length;
    if (sent === first.recordCount) return;
    const next = await members.next();
    if (next.done || next.value.name !== first.name) {
      throw wrongBlock(`A block has ${sent} rows, fewer than its recordCount ${first.recordCount}.`);
    }
    piece = next.value;
    checkRows(piece, last, recordCount);
    if (sent + piece.rows.length > first.recordCount) throw tooManyRows(first.recordCount);
  }
}

function checkRows(
  { recordCount: blockCount, rows }: BlockMembers,
  before: number,
  recordCount: number,
): void {
  if (rows.length === 0) throw wrongBlock("A block has no rows.");
  if (rows.length > blockCount) throw tooManyRows(blockCount);
  let last = before;
  for (let n = 0; n < rows.length; n++) {
    const row = rows[n]!;
    if (row <= last) throw wrongBlock("The rows of a block must be in ascending order, each once.");
    last = row;
  }
  if (last >= recordCount) {
    throw wrongBlock(`The rows of a block must be below ${recordCount}, but one is ${last}.`);
  }
}

function tooManyRows(blockCount: number): ServiceError {
  return wrongBlock(`A block has more rows than its recordCount ${blockCount}.`);
}

function wrongBlock(message: string): ServiceError {
  return new ServiceError("invalid-arguments", message, { subject: "block" });
}
