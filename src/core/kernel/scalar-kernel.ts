import { allocateBytes, type ClkDataset } from "../clk-dataset.js";
import type { OverlapLimits } from "../overlap-limits.js";
import { gatherRows, wordsOf, writeRecords } from "./gather-rows.js";
import type { BlockPairs, Kernel, RowRange } from "./kernel.js";
import { MatchBuffer } from "./match-buffer.js";
import type { MatchCollector } from "./match-collector.js";
import type { WasmMemory } from "./wasm-memory.js";
import type { ScalarExports } from "./wasm-modules.js";

/** The set bits after this many words bound the overlap that a pair can still reach; as in assembly/scalar.ts. */
const HEAD_WORDS = 4;
/** Matches that fit between two returns from the kernel: at least those of any row or small block pair. */
const BUFFER_CAPACITY = 2 ** 18;
const LEFT_TILE_ROWS = 1024;
/** Comparisons between two yields. */
const STEP_COMPARISONS = 2 ** 22;

/** Rows in kernel memory: `Rows` of assembly/rows.ts, and the popcounts after the head. */
interface LoadedRows {
  readonly fields: number;
  readonly words: number;
  readonly popcounts: number;
  readonly ids: number;
  readonly tails: number;
  readonly capacity: number;
}

/** Compares pair by pair in WebAssembly, for any width; see assembly/scalar.ts. */
export class ScalarKernel implements Kernel {
  readonly name = "scalar";
  readonly #wasm: ScalarExports;
  readonly #memory: WasmMemory;
  readonly #buffer: MatchBuffer;
  readonly #tileBytes: number;

  /** @param tileBytes bytes of CLKs in a right tile, which should stay in a cache near the core */
  constructor(wasm: ScalarExports, memory: WasmMemory, tileBytes: number) {
    this.#tileBytes = tileBytes;
    this.#wasm = wasm;
    this.#memory = memory;
    this.#buffer = new MatchBuffer(memory, BUFFER_CAPACITY);
  }

  popcounts(dataset: ClkDataset): Uint16Array {
    const { recordCount, byteLength } = dataset;
    const counts = new Uint16Array(allocateBytes(2 * recordCount).buffer);
    const words = wordsOf(byteLength);
    const tileRows = Math.max(1, Math.floor(this.#tileBytes / (8 * words)));
    const mark = this.#memory.mark;
    const rows = this.#memory.allocate(tileRows * 8 * words);
    const target = this.#memory.allocate(tileRows * 4);
    for (let from = 0; from < recordCount; from += tileRows) {
      const to = Math.min(recordCount, from + tileRows);
      gatherRows(this.#memory, { dataset, popcounts: counts, from, to }, from, to, rows);
      this.#wasm.popcounts(rows, to - from, words, 0, target);
      counts.set(this.#memory.u32.subarray(target >>> 2, (target >>> 2) + to - from), from);
    }
    this.#memory.release(mark);
    return counts;
  }

  *compareRows(
    left: RowRange,
    right: RowRange,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void> {
    const words = wordsOf(left.dataset.byteLength);
    const memory = this.#memory;
    const mark = memory.mark;
    try {
      const least = memory.allocateWords(limits.leastOverlap);
      const rightRows = Math.min(
        right.to - right.from,
        Math.max(1, Math.floor(this.#tileBytes / (8 * words))),
      );
      const leftRows = Math.min(left.to - left.from, LEFT_TILE_ROWS);
      const rightTile = this.#allocateRows(rightRows, words);
      const leftTile = this.#allocateRows(leftRows, words);
      const step = Math.max(1, Math.floor(STEP_COMPARISONS / rightRows));
      for (let r = right.from; r < right.to; r += rightRows) {
        const rightCount = Math.min(rightRows, right.to - r);
        this.#load(rightTile, right, r, r + rightCount);
        for (let l = left.from; l < left.to; l += leftRows) {
          const leftCount = Math.min(leftRows, left.to - l);
          this.#load(leftTile, left, l, l + leftCount);
          for (let from = 0; from < leftCount; from += step) {
            const to = Math.min(leftCount, from + step);
            for (let row = from; row < to; ) {
              row = this.#wasm.compareRows(
                leftTile.fields,
                leftTile.tails,
                row,
                to,
                rightTile.fields,
                rightTile.tails,
                0,
                rightCount,
                words,
                least,
                this.#buffer.fields,
              );
              this.#buffer.drainTo(matches);
            }
            yield (to - from) * rightCount;
          }
        }
      }
    } finally {
      memory.release(mark);
    }
  }

  *compareBlocks(
    blocks: BlockPairs,
    limits: OverlapLimits,
    matches: MatchCollector,
  ): Generator<number, void> {
    const words = wordsOf(blocks.left.dataset.byteLength);
    const memory = this.#memory;
    const mark = memory.mark;
    try {
      const least = memory.allocateWords(limits.leastOverlap);
      const tileRows = Math.max(1, Math.floor(this.#tileBytes / (8 * words)));
      for (let n = blocks.from; n < blocks.to; ) {
        const batch = takeBatch(blocks, n, tileRows, BUFFER_CAPACITY);
        const inner = memory.mark;
        const left = this.#allocateRows(batch.leftRows, words);
        const right = this.#allocateRows(batch.rightRows, words);
        this.#load(
          left,
          { ...blocks.left, order: batch.leftOrder, from: 0, to: batch.leftRows },
          0,
          batch.leftRows,
        );
        this.#load(
          right,
          { ...blocks.right, order: batch.rightOrder, from: 0, to: batch.rightRows },
          0,
          batch.rightRows,
        );
        const bounds = memory.allocateWords(batch.bounds);
        const count = batch.bounds.length / 4;
        for (let block = 0; block < count; ) {
          block = this.#wasm.compareBlocks(
            bounds,
            block,
            count,
            left.fields,
            left.tails,
            right.fields,
            right.tails,
            words,
            least,
            this.#buffer.fields,
          );
          this.#buffer.drainTo(matches);
        }
        memory.release(inner);
        yield batch.comparisons;
        n += count;
      }
    } finally {
      memory.release(mark);
    }
  }

  #allocateRows(capacity: number, words: number): LoadedRows {
    const memory = this.#memory;
    const rows = memory.allocate(capacity * 8 * words);
    const popcounts = memory.allocate(capacity * 4);
    const ids = memory.allocate(capacity * 4);
    const tails = memory.allocate(capacity * 4);
    const fields = memory.allocateFields(rows, popcounts, ids, 0);
    return { fields, words, popcounts, ids, tails, capacity };
  }

  #load(target: LoadedRows, rows: RowRange, from: number, to: number): void {
    const memory = this.#memory;
    const u32 = memory.u32;
    const words = target.words;
    const count = to - from;
    const rowAddress = u32[target.fields >>> 2]!;
    u32[(target.fields >>> 2) + 3] = count;
    gatherRows(memory, rows, from, to, rowAddress);
    this.#wasm.popcounts(rowAddress, count, words, 0, target.popcounts);
    this.#wasm.popcounts(rowAddress, count, words, HEAD_WORDS, target.tails);
    writeRecords(rows, from, to, u32, target.ids >>> 2);
  }
}

/**
 * The next block pairs that fit into one tile of rows per side, with their rows side by side. A block pair larger than
 * a tile must have been compared as rows.
 */
function takeBatch(blocks: BlockPairs, first: number, tileRows: number, maxComparisons: number) {
  const { bounds, leftOrder, rightOrder } = blocks;
  let leftRows = 0;
  let rightRows = 0;
  let comparisons = 0;
  let end = first;
  for (; end < blocks.to; end++) {
    const leftCount = bounds[4 * end + 1]! - bounds[4 * end]!;
    const rightCount = bounds[4 * end + 3]! - bounds[4 * end + 2]!;
    const full = leftRows + leftCount > tileRows || rightRows + rightCount > tileRows;
    if (end > first && (full || comparisons >= maxComparisons)) break;
    leftRows += leftCount;
    rightRows += rightCount;
    comparisons += leftCount * rightCount;
  }
  const batch = {
    leftRows,
    rightRows,
    comparisons,
    leftOrder: new Uint32Array(leftRows),
    rightOrder: new Uint32Array(rightRows),
    bounds: new Uint32Array(4 * (end - first)),
  };
  let l = 0;
  let r = 0;
  for (let n = first; n < end; n++) {
    const at = 4 * (n - first);
    batch.bounds[at] = l;
    for (let k = bounds[4 * n]!; k < bounds[4 * n + 1]!; k++) batch.leftOrder[l++] = leftOrder[k]!;
    batch.bounds[at + 1] = l;
    batch.bounds[at + 2] = r;
    for (let k = bounds[4 * n + 2]!; k < bounds[4 * n + 3]!; k++) batch.rightOrder[r++] = rightOrder[k]!;
    batch.bounds[at + 3] = r;
  }
  return batch;
}
