// The scalar kernel: compares pair by pair with i64.popcnt. For any width, small inputs and engines without SIMD.
import { addMatch, at, idOf, Matches, overlapOf, overlapOf4, popcountOf, Rows } from "./rows";

/** After this many words, a pair is skipped if the rest cannot bring it to the threshold. */
const HEAD_WORDS: i32 = 4;

/** Writes the number of set bits of each row, counted from word `from` on. */
export function popcounts(rows: usize, count: i32, words: i32, from: i32, target: usize): void {
  for (let row = 0; row < count; row++) {
    let bits: i64 = 0;
    for (let word = from; word < words; word++) bits += popcnt<i64>(load<i64>(rows + ((<usize>word) << 3)));
    store<u32>(target + ((<usize>row) << 2), <u32>bits);
    rows += (<usize>words) << 3;
  }
}

/**
 * Compares the left rows from `leftFrom` to `leftTo` with the right rows from `rightFrom` to `rightTo`. `leftTails` and
 * `rightTails` hold the number of set bits of each row after the head. Matches are written in row order.
 * Stops before a left row whose matches might not fit; returns the next row to compare.
 */
export function compareRows(
  left: Rows, leftTails: usize, leftFrom: i32, leftTo: i32,
  right: Rows, rightTails: usize, rightFrom: i32, rightTo: i32,
  words: i32, leastOverlap: usize, matches: Matches,
): i32 {
  const stride = (<usize>words) << 3;
  for (let i = leftFrom; i < leftTo; i++) {
    if (matches.capacity - matches.count < rightTo - rightFrom) return i;
    const a = left.words + <usize>i * stride;
    const pa = popcountOf(left, i);
    if (pa == 0) continue;
    const tailA = at(leftTails, i);
    const id = idOf(left, i);
    for (let j = rightFrom; j < rightTo; j++) {
      const pb = popcountOf(right, j);
      const need = at(leastOverlap, pa + pb);
      if (need > min(pa, pb)) continue;
      const b = right.words + <usize>j * stride;
      let overlap: i32;
      if (words == 16) {
        overlap = overlapOf4(a, b);
        if (overlap + min(tailA, at(rightTails, j)) < need) continue;
        overlap += overlapOf4(a + 32, b + 32) + overlapOf4(a + 64, b + 64) + overlapOf4(a + 96, b + 96);
      } else if (words > HEAD_WORDS) {
        overlap = overlapOf4(a, b);
        if (overlap + min(tailA, at(rightTails, j)) < need) continue;
        overlap += overlapOf(a, b, HEAD_WORDS, words);
      } else {
        overlap = overlapOf(a, b, 0, words);
      }
      if (overlap >= need) addMatch(matches, id, idOf(right, j), overlap, pa + pb);
    }
  }
  return leftTo;
}

/**
 * Compares many small blocks in one call: block `n` is the u32 quadruple (leftFrom, leftTo, rightFrom, rightTo) at
 * `blocks + 16 n`. Stops before a block whose matches might not fit; returns the next block to compare.
 */
export function compareBlocks(
  blocks: usize, blockFrom: i32, blockTo: i32,
  left: Rows, leftTails: usize, right: Rows, rightTails: usize,
  words: i32, leastOverlap: usize, matches: Matches,
): i32 {
  for (let n = blockFrom; n < blockTo; n++) {
    const block = blocks + ((<usize>n) << 4);
    const leftFrom = at(block, 0), leftTo = at(block, 1), rightFrom = at(block, 2), rightTo = at(block, 3);
    if (matches.capacity - matches.count < (leftTo - leftFrom) * (rightTo - rightFrom)) return n;
    compareRows(left, leftTails, leftFrom, leftTo, right, rightTails, rightFrom, rightTo, words, leastOverlap, matches);
  }
  return blockTo;
}
