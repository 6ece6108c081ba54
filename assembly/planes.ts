// Rows ↔ bit planes ↔ lists of columns.
//
// A block is 128 sliced rows: plane `r` has one bit per row, 1 if the row *lacks* the column of rank `r`. A list
// contains the plane offsets of a row's set columns, rarest column first.
import { BYTE_OFFSETS, MATRIX, PLANES } from "./scratch";

/** Rows per block: the lanes of a v128. */
export const BLOCK_ROWS: i32 = 128;

/** Counts the set bits of each column over every `step`-th row and adds them to u32[64 * words] at `target`. */
export function countColumns(rows: usize, count: i32, step: i32, words: i32, target: usize): void {
  for (let row = 0; row < count; row += step) {
    for (let word = 0; word < words; word++) {
      let bits = load<u64>(rows + ((<usize>row * <usize>words + <usize>word) << 3));
      while (bits) {
        const counter = target + (((<usize>word << 6) + <usize>ctz<u64>(bits)) << 2);
        store<u32>(counter, load<u32>(counter) + 1);
        bits &= bits - 1;
      }
    }
  }
}

/**
 * Transposes the two 64 × 64 bit matrices in the lanes of the 64 vectors at `matrix`
 * (Warren, Hacker's Delight, section 7-3, on two matrices at once).
 */
function transpose(matrix: usize): void {
  let mask: u64 = 0x00000000ffffffff;
  for (let half = 32; half; half >>= 1, mask ^= mask << half) {
    const lanes = i64x2.splat(mask);
    const distance = (<usize>half) << 4;
    for (let k = 0; k < 64; k = (k + half + 1) & ~half) {
      const p = matrix + ((<usize>k) << 4);
      const x = v128.load(p);
      const y = v128.load(p + distance);
      const swap = v128.and(v128.xor(i64x2.shr_u(x, half), y), lanes);
      v128.store(p, v128.xor(x, i64x2.shl(swap, half)));
      v128.store(p + distance, v128.xor(y, swap));
    }
  }
}

/**
 * Slices rows into blocks of `64 * words` planes each. The rows must fill whole blocks, padded with zero rows.
 * `ranks`: one u16 per column.
 */
export function slice(rows: usize, blocks: i32, words: i32, ranks: usize, planes: usize): void {
  const stride = (<usize>words) << 3;
  for (let block = 0; block < blocks; block++, rows += stride << 7, planes += stride << 7) {
    for (let word: usize = 0; word < <usize>words; word++) {
      let source = rows + (word << 3);
      for (let r: usize = 0; r < 64; r++, source += stride) {
        const pair = v128.load64_lane(source + (stride << 6), v128.load64_zero(source), 1);
        v128.store(MATRIX + (r << 4), pair);
      }
      transpose(MATRIX);
      for (let r: usize = 0; r < 64; r++) {
        const rank = load<u16>(ranks + (((word << 6) + r) << 1));
        v128.store(planes + ((<usize>rank) << 4), v128.not(v128.load(MATRIX + (r << 4))));
      }
    }
  }
}

/** Fills the table of byte → plane offsets. Call once. */
export function fillByteOffsets(): void {
  for (let byte = 0; byte < 256; byte++) {
    let p = BYTE_OFFSETS + ((<usize>byte) << 4);
    for (let bit = 0; bit < 8; bit++) {
      if ((byte >> bit) & 1) {
        store<u16>(p, bit << 4);
        p += 2;
      }
    }
  }
}

/**
 * Writes each row's list: its first `length` columns in rank order, one u16 each, padded with the zero plane (which
 * follows the last column). A row may write up to 144 bytes past its list, into the next one: leave room after the last
 * list. Returns the number of leading words of planes that contain all listed columns.
 */
export function listColumns(planes: usize, count: i32, words: i32, lists: usize, length: i32): i32 {
  let used = 0;
  const zeroPlane = words << 10;
  const listBytes = (<usize>length) << 1;
  for (let first = 0; first < count; first += BLOCK_ROWS, planes += (<usize>words) << 10) {
    const rows = min(BLOCK_ROWS, count - first);
    let ready = 0; // words of the block transposed back into PLANES, which is free between comparisons
    for (let row = 0; row < rows; row++, lists += listBytes) {
      const end = lists + listBytes;
      let p = lists;
      for (let word = 0; word < words && p < end; word++) {
        const matrix = PLANES + ((<usize>word) << 10);
        if (word == ready) {
          memory.copy(matrix, planes + ((<usize>word) << 10), 1024);
          transpose(matrix);
          ready++;
        }
        const lacking = load<u64>(matrix + ((<usize>(row & 63)) << 4) + ((<usize>(row >> 6)) << 3));
        p = appendColumns(p, ~lacking, word << 10);
      }
      for (; p < end; p += 2) store<u16>(p, zeroPlane);
    }
    used = max(used, ready);
  }
  return used;
}

/** Appends the columns of one word, whose first plane is at `offset`, to a list. Returns the list's new end. */
@inline
function appendColumns(list: usize, bits: u64, offset: i32): usize {
  let p = list;
  for (let byteIndex = 0; byteIndex < 8; byteIndex++) {
    const byte = <usize>(bits >> (byteIndex << 3)) & 255;
    // Always writes eight offsets: those past the byte's set bits are overwritten by the next write.
    const offsets = i16x8.splat(<i16>(offset + (byteIndex << 7)));
    v128.store(p, i16x8.add(v128.load(BYTE_OFFSETS + (byte << 4)), offsets));
    p += <usize>popcnt<u32>(<u32>byte) << 1;
  }
  return p;
}
