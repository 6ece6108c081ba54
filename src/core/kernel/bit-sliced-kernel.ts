import type { ClkDataset } from "../clk-dataset.js";
import type { OverlapLimits } from "../overlap-limits.js";
import { rankColumns } from "./column-ranks.js";
import { gatherRows, recordAt, wordsOf, writeRecords } from "./gather-rows.js";
import type { BlockPairs, Kernel, RowRange } from "./kernel.js";
import { MatchBuffer } from "./match-buffer.js";
import type { MatchCollector } from "./match-collector.js";
import { positionOfPopcount, sortedByPopcount } from "./popcount-order.js";
import type { ScalarKernel } from "./scalar-kernel.js";
import type { WasmMemory } from "./wasm-memory.js";
import type { BitSlicedExports } from "./wasm-modules.js";

/** Rows per block: the lanes of a v128. */
const BLOCK_ROWS = 128;
/** List rows per call: short calls let the engine switch to optimized code, and bound the delay of an abort. */
const CHUNK_ROWS = 1024;
/** Capacity of the output buffer in matches: twice those of one block. */
const BUFFER_CAPACITY = 2 * CHUNK_ROWS * BLOCK_ROWS;
/** Room for what `listColumns` may write past the last list. */
const LIST_SLACK_BYTES = 256;
/** Maximum width of a CLK, in words: plane offsets are unsigned 16-bit. */
const MAX_WORDS = 63;
/** Maximum number of allowed misses that the widest counter supports. */
const MAX_ALLOWED_MISSES = 511;

/** One side of a tile, in kernel memory. */
interface SlicedTile {
  /** The address of its `Rows` (assembly/rows.ts). */
  readonly fields: number;
  readonly words: number;
  readonly popcounts: number;
  readonly ids: number;
  readonly planes: number;
  readonly lists: number;
  count: number;
  /** Words of planes that the lists refer to. */
  listedWords: number;
}

/** The number of misses that a row may have against a partner with at least as many set bits. */
function allowedMisses(limits: OverlapLimits, popcount: number): number {
  return popcount - limits.leastOverlap[2 * popcount]!;
}

/** The highest popcount of rows in ascending popcount order. */
function highestPopcount(rows: RowRange): number {
  return rows.to > rows.from ? rows.popcounts[recordAt(rows, rows.to - 1)]! : 0;
}

/**
 * Whether the bit-sliced kernel can compare CLKs of this width with popcounts of at most `popcount`: up to 504 bytes
 * and 511 allowed misses.
 */
export function fitsBitSliced(limits: OverlapLimits, popcount: number): boolean {
  return limits.bits <= 64 * MAX_WORDS && allowedMisses(limits, popcount) <= MAX_ALLOWED_MISSES;
}

/**
 * Compares 128 rows at once in WebAssembly with SIMD (assembly/bit-sliced.ts). Small blocks go to the scalar kernel.
 */
export class BitSlicedKernel implements Kernel {
  readonly name = "bit-sliced";
  readonly #wasm: BitSlicedExports;
  readonly #memory: WasmMemory;
  readonly #scalar: ScalarKernel;
  readonly #buffer: MatchBuffer;
  readonly #tileBytes: number;

  /** @param tileBytes bytes of CLKs per tile; a tile takes about eight times as much kernel memory */
  constructor(wasm: BitSlicedExports, memory: WasmMemory, scalar: ScalarKernel, tileBytes: number) {
    this.#tileBytes = tileBytes;
    this.#wasm = wasm;
    this.#memory = memory;
    this.#scalar = scalar;
    this.#buffer = new MatchBuffer(memory, BUFFER_CAPACITY);
    wasm.prepareBitSliced();
  }

  popcounts(dataset: ClkDataset): Uint16Array {
    return this.#scalar.popcounts(dataset);
  }

  compareBlocks(blocks: BlockPairs, limits: OverlapLimits, matches: MatchCollector): Generator<number, void> {
    return this.#scalar.compareBlocks(blocks, limits, matches);
  }

  *compareRows(
    leftRows: RowRange,
    rightRows: RowRange,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void> {
    const left = sortedByPopcount(leftRows);
    const right = sortedByPopcount(rightRows);
    const highest = Math.max(highestPopcount(left), highestPopcount(right));
    if (!fitsBitSliced(limits, highest)) {
      // The scalar kernel finds the same pairs. This kernel is not chosen if whole data sets do not fit it.
      return yield* this.#scalar.compareRows(leftRows, rightRows, limits, matches);
    }
    const memory = this.#memory;
    const mark = memory.mark;
    try {
      const words = wordsOf(left.dataset.byteLength);
      const listLength = listLengthFor(highest, allowedMisses(limits, highest));
      const ranks = rankColumns(this.#wasm, memory, [left, right], words);
      const leastOverlap = memory.allocateWords(limits.leastOverlap);
      const highestPartner = memory.allocateWords(limits.highestPartner);
      const pass = { words, listLength, leastOverlap, highestPartner };
      const tileRows = Math.max(BLOCK_ROWS, Math.floor(this.#tileBytes / (8 * words)));
      const leftTile = this.#allocateTile(Math.min(tileRows, left.to - left.from), words, listLength);
      const rightTile = this.#allocateTile(Math.min(tileRows, right.to - right.from), words, listLength);
      for (let l = left.from; l < left.to; l += tileRows) {
        const leftTo = Math.min(left.to, l + tileRows);
        // Only rows whose popcounts are close enough can pass.
        const lowestPopcount = Math.max(1, left.popcounts[recordAt(left, l)]!);
        const highestPopcountOfTile = left.popcounts[recordAt(left, leftTo - 1)]!;
        const rightFrom = positionOfPopcount(right, limits.lowestPartner[lowestPopcount]!);
        const rightTo = positionOfPopcount(right, limits.highestPartner[highestPopcountOfTile]! + 1);
        if (rightFrom < rightTo) this.#load(leftTile, left, l, leftTo, words, ranks, listLength);
        for (let r = rightFrom; r < rightTo; r += tileRows) {
          const end = Math.min(rightTo, r + tileRows);
          this.#load(rightTile, right, r, end, words, ranks, listLength);
          yield* this.#pass(leftTile, rightTile, 0, limits, pass, matches);
          yield* this.#pass(rightTile, leftTile, 1, limits, pass, matches);
        }
        yield (leftTo - l) * (right.to - right.from - Math.max(0, rightTo - rightFrom));
      }
    } finally {
      memory.release(mark);
    }
  }

  /** One pass: compares `list` rows with sliced rows that have at least as many set bits (more, if `swapped`). */
  *#pass(
    list: SlicedTile,
    sliced: SlicedTile,
    swapped: 0 | 1,
    limits: OverlapLimits,
    parameters: { words: number; listLength: number; leastOverlap: number; highestPartner: number },
    matches: MatchCollector,
  ): Generator<number, void> {
    const memory = this.#memory;
    const { words, listLength, leastOverlap, highestPartner } = parameters;
    const pass = memory.allocateFields(
      words,
      listLength,
      list.lists,
      list.listedWords,
      sliced.planes,
      leastOverlap,
      highestPartner,
      swapped,
      0,
    );
    const blockField = (pass >>> 2) + 8;
    const blockCount = Math.ceil(sliced.count / BLOCK_ROWS);
    for (let from = 0; from < list.count; from += CHUNK_ROWS) {
      const to = Math.min(list.count, from + CHUNK_ROWS);
      const compare = this.#compareFor(allowedMisses(limits, memory.u32[(list.popcounts >>> 2) + to - 1]!));
      for (memory.u32[blockField] = 0; memory.u32[blockField]! < blockCount; ) {
        compare(pass, list.fields, sliced.fields, from, to, this.#buffer.fields);
        this.#buffer.drainTo(matches);
      }
      yield ((to - from) * sliced.count) / 2;
    }
  }

  /** The compiled copy with the fewest counter bits that can count `allowed` misses. */
  #compareFor(allowed: number) {
    if (allowed < 32) return this.#wasm.compare5;
    if (allowed < 64) return this.#wasm.compare6;
    if (allowed < 128) return this.#wasm.compare7;
    if (allowed < 256) return this.#wasm.compare8;
    return this.#wasm.compare9;
  }

  #allocateTile(capacity: number, words: number, listLength: number): SlicedTile {
    const memory = this.#memory;
    const wholeBlocks = Math.ceil(capacity / BLOCK_ROWS) * BLOCK_ROWS;
    const rows = memory.allocate(wholeBlocks * 8 * words);
    const popcounts = memory.allocate(capacity * 4);
    const ids = memory.allocate(capacity * 4);
    const planes = memory.allocate(wholeBlocks * 8 * words);
    const lists = memory.allocate(capacity * 2 * listLength + LIST_SLACK_BYTES);
    return {
      fields: memory.allocateFields(rows, popcounts, ids, 0),
      words: rows,
      popcounts,
      ids,
      planes,
      lists,
      count: 0,
      listedWords: 0,
    };
  }

  #load(
    tile: SlicedTile,
    rows: RowRange,
    from: number,
    to: number,
    words: number,
    ranks: number,
    listLength: number,
  ): void {
    const memory = this.#memory;
    const u32 = memory.u32;
    tile.count = to - from;
    u32[(tile.fields >>> 2) + 3] = tile.count;
    gatherRows(memory, rows, from, to, tile.words);
    writeRecords(rows, from, to, u32, tile.ids >>> 2);
    const ids = u32.subarray(tile.ids >>> 2, (tile.ids >>> 2) + tile.count);
    const popcounts = u32.subarray(tile.popcounts >>> 2, (tile.popcounts >>> 2) + tile.count);
    const counted = rows.popcounts;
    for (let n = 0; n < ids.length; n++) popcounts[n] = counted[ids[n]!]!;
    const blocks = Math.ceil(tile.count / BLOCK_ROWS);
    memory.u8.fill(0, tile.words + tile.count * 8 * words, tile.words + blocks * BLOCK_ROWS * 8 * words);
    this.#wasm.slice(tile.words, blocks, words, ranks, tile.planes);
    tile.listedWords = this.#wasm.listColumns(tile.planes, tile.count, words, tile.lists, listLength);
  }
}

/**
 * The number of columns of a row to list: all, or enough that in practice a pair below the threshold has shown its
 * misses by then (a longer list only saves exact checks). A multiple of 16.
 */
function listLengthFor(highestPopcount: number, allowed: number): number {
  const roundUp = (n: number) => Math.max(16, Math.ceil(n / 16) * 16);
  return Math.min(roundUp(highestPopcount), roundUp(1.9 * allowed + 48));
}
