import type { ClkDataset } from "../clk-dataset.js";
import type { RowRange } from "./kernel.js";
import type { WasmMemory } from "./wasm-memory.js";

/** The number of 64-bit words of a CLK. Kernels work on whole words, the last one padded with zeros. */
export function wordsOf(byteLength: number): number {
  return (byteLength + 7) >>> 3;
}

/** The record at position `n` of a range. */
export function recordAt(rows: RowRange, n: number): number {
  return rows.order === undefined ? n : rows.order[n]!;
}

/** Writes the records at the positions `from … to` of a range to `target`, from `index` on. */
export function writeRecords(
  rows: RowRange,
  from: number,
  to: number,
  target: Uint32Array,
  index: number,
): void {
  if (rows.order !== undefined) target.set(rows.order.subarray(from, to), index);
  else for (let n = from; n < to; n++) target[index + n - from] = n;
}

/** Copies the CLKs at the positions `from … to` of a range into kernel memory, padded to whole words. */
export function gatherRows(
  memory: WasmMemory,
  rows: RowRange,
  from: number,
  to: number,
  target: number,
): void {
  const { dataset, order } = rows;
  const { bytes, byteLength } = dataset;
  const stride = wordsOf(byteLength) * 8;
  if (order === undefined && stride === byteLength) {
    memory.u8.set(bytes.subarray(from * byteLength, to * byteLength), target);
  } else if (stride === byteLength && bytes.byteOffset % 8 === 0) {
    gatherWords(dataset, order!, from, to, memory.i64, target >>> 3);
  } else {
    const u8 = memory.u8;
    u8.fill(0, target, target + (to - from) * stride);
    for (let n = from; n < to; n++) {
      const start = recordAt(rows, n) * byteLength;
      const row = target + (n - from) * stride;
      for (let k = 0; k < byteLength; k++) u8[row + k] = bytes[start + k]!;
    }
  }
}

/** Rows fetched into the cache together; one by one, each would wait for memory. */
const BATCH_ROWS = 16;
/** A cache line, in 32-bit words. */
const LINE_WORDS = 16;

/** Uses the fetched values; the engine would otherwise drop the reads. */
export let fetched = 0;

/** The hot path: copies 64-bit words, for which V8 creates no BigInts. Twice as fast as `set(subarray)`. */
function gatherWords(
  dataset: ClkDataset,
  order: Uint32Array,
  from: number,
  to: number,
  target: BigInt64Array,
  targetIndex: number,
): void {
  const { bytes, byteLength } = dataset;
  const words = new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 3);
  const halves = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const perRow = byteLength >>> 3;
  let touched = 0;
  for (let batch = from; batch < to; batch += BATCH_ROWS) {
    const end = Math.min(to, batch + BATCH_ROWS);
    for (let n = batch; n < end; n++) {
      const s = 2 * order[n]! * perRow;
      for (let k = 0; k < 2 * perRow; k += LINE_WORDS) touched ^= halves[s + k]!;
    }
    for (let n = batch; n < end; n++) {
      const s = order[n]! * perRow;
      const t = targetIndex + (n - from) * perRow;
      for (let k = 0; k < perRow; k++) target[t + k] = words[s + k]!;
    }
  }
  fetched = touched;
}
