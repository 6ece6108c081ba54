import { gatherRows } from "./gather-rows.js";
import type { RowRange } from "./kernel.js";
import type { WasmMemory } from "./wasm-memory.js";
import type { BitSlicedExports } from "./wasm-modules.js";

/** Rows per side for estimating the frequencies of the columns. */
const SAMPLE_ROWS = 128;

/**
 * Ranks the columns of the CLKs, rarest first, by a sample of both sides: misses show soonest in rare columns. Returns
 * the address of one u16 per column.
 */
export function rankColumns(
  wasm: BitSlicedExports,
  memory: WasmMemory,
  sides: readonly RowRange[],
  words: number,
): number {
  const columns = 64 * words;
  const ranks = memory.allocate(2 * columns);
  const mark = memory.mark;
  const counts = memory.allocateWords(new Uint32Array(columns));
  const rows = memory.allocate(SAMPLE_ROWS * 8 * words);
  for (const side of sides) {
    const sample = sampleOf(side);
    gatherRows(memory, { ...side, order: sample, from: 0, to: sample.length }, 0, sample.length, rows);
    wasm.countColumns(rows, sample.length, 1, words, counts);
  }
  const frequency = memory.u32.slice(counts >>> 2, (counts >>> 2) + columns);
  const rarestFirst = Uint32Array.from({ length: columns }, (_, column) => column).sort(
    (a, b) => frequency[a]! - frequency[b]! || a - b,
  );
  const u16 = memory.u16;
  rarestFirst.forEach((column, rank) => {
    u16[(ranks >>> 1) + column] = rank;
  });
  memory.release(mark);
  return ranks;
}

/** Records spread evenly over a range. */
function sampleOf(rows: RowRange): Uint32Array {
  const count = Math.min(SAMPLE_ROWS, rows.to - rows.from);
  const step = (rows.to - rows.from) / count;
  return Uint32Array.from({ length: count }, (_, n) => {
    const position = rows.from + Math.floor(n * step);
    return rows.order === undefined ? position : rows.order[position]!;
  });
}
