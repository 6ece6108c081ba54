import { invalidOption } from "./errors.js";

/** A range of records of a data set, or of one of its blocks; `to` is excluded. */
export type RowRange = readonly [from: number, to: number];

/** A part of all comparisons between two data sets: each record of one range with each of the other. */
export interface Chunk {
  readonly left: RowRange;
  readonly right: RowRange;
}

/** One side of a block pair: the records of a data set in a block. */
export interface BlockSide<BlockId = string> {
  readonly datasetIndex: number;
  /** The block's id on this side; a database may use a separate id for each party's part of a block. */
  readonly blockId: BlockId;
  /** Integer ≥ 0. */
  readonly recordCount: number;
}

/** Two data sets' parts of one block, to be compared with each other. */
export interface BlockPair<BlockId = string> {
  readonly left: BlockSide<BlockId>;
  readonly right: BlockSide<BlockId>;
}

/** One side of a chunk; `range` indexes the records of the block. */
export interface BlockRange<BlockId = string> {
  readonly datasetIndex: number;
  readonly blockId: BlockId;
  readonly range: RowRange;
}

/** A chunk of a block pair: its left side and its right side. */
export type BlockPairChunk<BlockId = string> = readonly [
  left: BlockRange<BlockId>,
  right: BlockRange<BlockId>,
];

/** Maximum number of block pairs in a package. */
export const MAX_BLOCK_PAIRS_PER_PACKAGE = 100_000;

/**
 * Splits all comparisons of two data sets into chunks of about `aim` comparisons each, roughly square. Every pair of
 * records is in exactly one chunk; the chunks come row by row. They are exactly the chunks of anonlink's
 * `split_to_chunks`: c0 = round(n0 / √aim), c1 = round(n1 · (n0 / c0) / aim), at least 1 each, with borders at
 * round(i · (n / c)), where round rounds halves to even, as Python's does.
 *
 * @param leftCount records on the left, an integer ≥ 0; if either side has none, there are no chunks
 * @param rightCount records on the right
 * @param aim target number of comparisons per chunk, an integer ≥ 1; a chunk may have more
 * @throws LinkageError `invalid-option`, when called
 */
export function splitIntoChunks(leftCount: number, rightCount: number, aim: number): Generator<Chunk, void> {
  checkWhole("leftCount", leftCount, 0);
  checkWhole("rightCount", rightCount, 0);
  checkWhole("aim", aim, 1);
  return generateChunks(leftCount, rightCount, aim);
}

/**
 * Distributes block pairs over packages; a package is the work of one task. Block pairs are packed in order until the
 * next one would exceed `aim` comparisons or 100,000 block pairs. A block pair of more than `aim` comparisons closes
 * the package before it, and each of its chunks becomes a separate package. So a package of several block pairs
 * contains only whole blocks. Block pairs with an empty side are omitted.
 *
 * @param blockPairs read lazily; memory holds one package at a time
 * @param aim target number of comparisons per package, an integer ≥ 1
 * @throws LinkageError `invalid-option`: for `aim` when called, for a `recordCount` when it is reached
 */
export function packBlocks<BlockId = string>(
  blockPairs: Iterable<BlockPair<BlockId>>,
  aim: number,
): Generator<BlockPairChunk<BlockId>[], void> {
  checkWhole("aim", aim, 1);
  return generatePackages(blockPairs, aim);
}

/** As {@link packBlocks}, for a stream of block pairs. */
export function packBlockStream<BlockId = string>(
  blockPairs: AsyncIterable<BlockPair<BlockId>>,
  aim: number,
): AsyncGenerator<BlockPairChunk<BlockId>[], void> {
  checkWhole("aim", aim, 1);
  return generatePackagesAsync(blockPairs, aim);
}

/** Rounds to the nearest integer, halves to even, as Python's `round` does. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor; // exact
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function* generateChunks(leftCount: number, rightCount: number, aim: number): Generator<Chunk, void> {
  if (leftCount === 0 || rightCount === 0) return;
  const leftChunkCount = roundHalfToEven(leftCount / Math.sqrt(aim)) || 1;
  // A left chunk rarely has exactly √aim records; the right side compensates for it.
  const leftChunkLength = leftCount / leftChunkCount;
  const rightChunkCount = roundHalfToEven((rightCount * leftChunkLength) / aim) || 1;
  for (const left of splitRows(leftCount, leftChunkCount)) {
    for (const right of splitRows(rightCount, rightChunkCount)) yield { left, right };
  }
}

function* splitRows(rowCount: number, rangeCount: number): Generator<RowRange, void> {
  const rangeLength = rowCount / rangeCount;
  let from = 0;
  for (let i = 1; i <= rangeCount; i++) {
    const to = i === rangeCount ? rowCount : roundHalfToEven(i * rangeLength);
    yield [from, to];
    from = to;
  }
}

/** The package being filled. */
class OpenPackage<BlockId> {
  #chunks: BlockPairChunk<BlockId>[] = [];
  #comparisonCount = 0;

  constructor(private readonly aim: number) {}

  /** Adds the next block pair; yields the packages that it completes. */
  *add({ left, right }: BlockPair<BlockId>): Generator<BlockPairChunk<BlockId>[], void> {
    checkWhole("recordCount", left.recordCount, 0);
    checkWhole("recordCount", right.recordCount, 0);
    const comparisonCount = left.recordCount * right.recordCount;
    if (comparisonCount === 0) return;
    const isFull =
      this.#comparisonCount + comparisonCount > this.aim ||
      this.#chunks.length === MAX_BLOCK_PAIRS_PER_PACKAGE;
    if (isFull) yield* this.close();
    if (comparisonCount > this.aim) {
      for (const chunk of generateChunks(left.recordCount, right.recordCount, this.aim)) {
        yield [[takeRange(left, chunk.left), takeRange(right, chunk.right)]];
      }
    } else {
      this.#chunks.push([takeRange(left, [0, left.recordCount]), takeRange(right, [0, right.recordCount])]);
      this.#comparisonCount += comparisonCount;
    }
  }

  /** Yields the remaining package, if it is not empty. */
  *close(): Generator<BlockPairChunk<BlockId>[], void> {
    if (this.#chunks.length > 0) yield this.#chunks;
    this.#chunks = [];
    this.#comparisonCount = 0;
  }
}

function* generatePackages<BlockId>(
  blockPairs: Iterable<BlockPair<BlockId>>,
  aim: number,
): Generator<BlockPairChunk<BlockId>[], void> {
  const open = new OpenPackage<BlockId>(aim);
  for (const pair of blockPairs) yield* open.add(pair);
  yield* open.close();
}

async function* generatePackagesAsync<BlockId>(
  blockPairs: AsyncIterable<BlockPair<BlockId>>,
  aim: number,
): AsyncGenerator<BlockPairChunk<BlockId>[], void> {
  const open = new OpenPackage<BlockId>(aim);
  for await (const pair of blockPairs) yield* open.add(pair);
  yield* open.close();
}

function takeRange<BlockId>(side: BlockSide<BlockId>, range: RowRange): BlockRange<BlockId> {
  return { datasetIndex: side.datasetIndex, blockId: side.blockId, range };
}

function checkWhole(name: string, value: number, minimum: number): void {
  if (Number.isSafeInteger(value) && value >= minimum) return;
  throw invalidOption(name, `a whole number of at least ${minimum}`, value);
}
