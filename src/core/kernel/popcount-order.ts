import { allocateUint32 } from "../clk-dataset.js";
import { recordAt } from "./gather-rows.js";
import type { RowRange } from "./kernel.js";

/** The records of a range, fewest set bits first; equal ones keep the order of the range (a counting sort). */
export function orderByPopcount(rows: RowRange): Uint32Array {
  const { popcounts, from, to } = rows;
  const starts = new Uint32Array(8 * rows.dataset.byteLength + 2);
  for (let n = from; n < to; n++) starts[popcounts[recordAt(rows, n)]! + 1]!++;
  for (let p = 1; p < starts.length; p++) starts[p]! += starts[p - 1]!;
  const order = allocateUint32(to - from);
  for (let n = from; n < to; n++) {
    const record = recordAt(rows, n);
    order[starts[popcounts[record]!]!++] = record;
  }
  return order;
}

/** The same rows, fewest set bits first; the range itself if it is already sorted. */
export function sortedByPopcount(rows: RowRange): RowRange {
  const { popcounts, from, to } = rows;
  let sorted = true;
  for (let n = from + 1; n < to && sorted; n++) {
    sorted = popcounts[recordAt(rows, n - 1)]! <= popcounts[recordAt(rows, n)]!;
  }
  if (sorted) return rows;
  return { ...rows, order: orderByPopcount(rows), from: 0, to: to - from };
}

/** The first position of a popcount-sorted range whose row has at least `popcount` set bits. */
export function positionOfPopcount(rows: RowRange, popcount: number): number {
  let low = rows.from;
  let high = rows.to;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows.popcounts[recordAt(rows, middle)]! < popcount) low = middle + 1;
    else high = middle;
  }
  return low;
}
