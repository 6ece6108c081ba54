// Shared by all kernels: packed rows, their popcounts, and the buffer for matching pairs. Rows are whole 64-bit words
// (the host pads the last one with zeros); addresses are multiples of 8.

/** The rows of one side of a comparison. The host writes these fields, 32 bits each, in this order. */
@unmanaged
export class Rows {
  /** `count` rows of whole 64-bit words. */
  words: usize;
  /** One u32 per row: the number of set bits. */
  popcounts: usize;
  /** One u32 per row: the record index to report. */
  ids: usize;
  count: i32;
}

/** The buffer for matching pairs: three arrays of `capacity` items, filled from the start. */
@unmanaged
export class Matches {
  left: usize;
  right: usize;
  scores: usize;
  capacity: i32;
  count: i32;
}

@inline
export function popcountOf(rows: Rows, row: i32): i32 {
  return load<i32>(rows.popcounts + ((<usize>row) << 2));
}

@inline
export function idOf(rows: Rows, row: i32): u32 {
  return load<u32>(rows.ids + ((<usize>row) << 2));
}

/** `table[index]` of a table of i32. */
@inline
export function at(table: usize, index: i32): i32 {
  return load<i32>(table + ((<usize>index) << 2));
}

@inline
export function addMatch(matches: Matches, left: u32, right: u32, overlap: i32, popcountSum: i32): void {
  const n = <usize>matches.count;
  store<u32>(matches.left + (n << 2), left);
  store<u32>(matches.right + (n << 2), right);
  // One double division, as in the definition of Dice, so that the score equals anonlink's bit for bit.
  store<f64>(matches.scores + (n << 3), <f64>(2 * overlap) / <f64>popcountSum);
  matches.count = <i32>n + 1;
}

@inline
function andOf(a: usize, b: usize, offset: usize): i64 {
  return popcnt<i64>(load<i64>(a + offset) & load<i64>(b + offset));
}

/** Common set bits of four words. */
@inline
export function overlapOf4(a: usize, b: usize): i32 {
  return <i32>(andOf(a, b, 0) + andOf(a, b, 8) + andOf(a, b, 16) + andOf(a, b, 24));
}

/** Common set bits of the words from `from` to `to`. */
@inline
export function overlapOf(a: usize, b: usize, from: i32, to: i32): i32 {
  let overlap = 0;
  let word = from;
  for (; word + 4 <= to; word += 4) overlap += overlapOf4(a + ((<usize>word) << 3), b + ((<usize>word) << 3));
  for (; word < to; word++) overlap += <i32>andOf(a, b, (<usize>word) << 3);
  return overlap;
}

/** Common set bits of two rows of 16 words (1,024 bits, the width of most CLKs), without a loop. */
@inline
export function overlapOf16(a: usize, b: usize): i32 {
  return overlapOf4(a, b) + overlapOf4(a + 32, b + 32) + overlapOf4(a + 64, b + 64) + overlapOf4(a + 96, b + 96);
}
