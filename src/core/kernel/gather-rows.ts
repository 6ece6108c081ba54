import type { ClkDataset } from "../clk-dataset.js";
import type { RowRange } from "./kernel.js";
import type { WasmMemory } from "./wasm-memory.js";

/** Kernels work on whole 64-bit words: the words of a CLK, the last one padded with zeros. */
export function wordsOf(byteLength: number): number {
  return (byteLength + 7) >>> 3;
}

/** The record behind position `n` of a range. */
export function recordAt(rows: RowRange, n: number): number {
  return rows.order === undefined ? n : rows.order[n]!;
}

/** Copies the CLKs of the positions `from … to` of a range into kernel memory, padded to whole words. */
export function gatherRows(memory: WasmMemory, rows: RowRange, from: number, to: number, target: number): void {
  const { dataset, order } = rows;
  const { bytes, byteLength } = dataset;
  const stride = wordsOf(byteLength) * 8;
  if (order === undefined && stride === byteLength) {
    memory.u8.set(bytes.subarray(from * byteLength, to * byteLength), target);
  } else if (stride === byteLength && bytes.byteOffset % 4 === 0) {
    gatherWords(dataset, order!, from, to, memory.u32, target >>> 2);
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

/** The hot case: 32-bit words, in the order given. A loop beats `set(subarray)`, which makes an object a row. */
function gatherWords(
  dataset: ClkDataset,
  order: Uint32Array,
  from: number,
  to: number,
  target: Uint32Array,
  targetIndex: number,
): void {
  const { bytes, byteLength } = dataset;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  const perRow = byteLength >>> 2;
  let t = targetIndex;
  for (let n = from; n < to; n++) {
    let s = order[n]! * perRow;
    for (const end = s + perRow; s < end; s++, t++) target[t] = words[s]!;
  }
}
