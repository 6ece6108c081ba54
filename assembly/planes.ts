// Rows ↔ bit planes ↔ lists of columns.
//
// A block is 128 rows, sliced: plane `r` has one bit a row, 1 where the row *lacks* the column of rank `r`. A list
// is a row's set columns as offsets of their planes, rarest column first.
import { BYTE_OFFSETS, CURSORS, MATRIX } from "./scratch";

/** Rows in a block: the lanes of a v128. */
export const BLOCK_ROWS: i32 = 128;

/** Counts the set bits of each column over every `step`-th row; adds to u32[64 * words]. */
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
 * Transposes the two 64 × 64 bit matrices in the lanes of the 64 vectors at MATRIX
 * (Warren, Hacker's Delight, section 7-3, on two matrices at once).
 */
function transpose(): void {
  let mask: u64 = 0x00000000ffffffff;
  for (let half = 32; half; half >>= 1, mask ^= mask << half) {
    const lanes = i64x2.splat(mask);
    const distance = (<usize>half) << 4;
    for (let k = 0; k < 64; k = (k + half + 1) & ~half) {
      const p = MATRIX + ((<usize>k) << 4);
      const x = v128.load(p);
      const y = v128.load(p + distance);
      const swap = v128.and(v128.xor(i64x2.shr_u(x, half), y), lanes);
      v128.store(p, v128.xor(x, i64x2.shl(swap, half)));
      v128.store(p + distance, v128.xor(y, swap));
    }
  }
}

/** Slices rows into blocks of `64 * words` planes each; rows beyond the last count as empty. `ranks`: u16 a column. */
export function slice(rows: usize, count: i32, words: i32, ranks: usize, planes: usize): void {
  const stride = (<usize>words) << 3;
  for (let first = 0; first < count; first += BLOCK_ROWS) {
    for (let word = 0; word < words; word++) {
      const source = rows + <usize>first * stride + ((<usize>word) << 3);
      for (let r = 0; r < 64; r++) {
        const low = first + r < count ? load<u64>(source + <usize>r * stride) : 0;
        const high = first + r + 64 < count ? load<u64>(source + <usize>(r + 64) * stride) : 0;
        v128.store(MATRIX + ((<usize>r) << 4), i64x2.replace_lane(i64x2.splat(low), 1, high));
      }
      transpose();
      for (let r = 0; r < 64; r++) {
        const rank = load<u16>(ranks + ((<usize>((word << 6) + r)) << 1));
        v128.store(planes + ((<usize>rank) << 4), v128.not(v128.load(MATRIX + ((<usize>r) << 4))));
      }
    }
    planes += stride << 7;
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
 * Writes each row's list: the first `length` of its columns in rank order, u16 each, padded with the plane of zeros
 * (which stands behind the last column). `length` is a multiple of 8.
 */
export function listColumns(planes: usize, count: i32, words: i32, lists: usize, length: i32): void {
  const zeroPlane = words << 10;
  const rowBytes = (<usize>length) << 1;
  for (let first = 0; first < count; first += BLOCK_ROWS) {
    const rows = min(BLOCK_ROWS, count - first);
    memory.fill(CURSORS, 0, 512);
    let open = rows;
    for (let word = 0; word < words && open > 0; word++) {
      memory.copy(MATRIX, planes + ((<usize>word) << 10), 1024);
      transpose();
      open = 0;
      for (let row = 0; row < rows; row++) {
        const cursor = CURSORS + ((<usize>row) << 2);
        const used = load<i32>(cursor);
        if (used >= length) continue;
        const lacking = load<u64>(MATRIX + ((<usize>(row & 63)) << 4) + ((<usize>(row >> 6)) << 3));
        const now = appendColumns(lists + <usize>(first + row) * rowBytes, used, length, ~lacking, word << 10);
        store<i32>(cursor, now);
        if (now < length) open++;
      }
    }
    for (let row = 0; row < rows; row++) {
      const list = lists + <usize>(first + row) * rowBytes;
      for (let n = load<i32>(CURSORS + ((<usize>row) << 2)); n < length; n++) {
        store<u16>(list + ((<usize>n) << 1), zeroPlane);
      }
    }
    planes += (<usize>words) << 10;
  }
}

/** Appends the columns of one word to a list of `used` items; returns its new length, at most `length`. */
@inline
function appendColumns(list: usize, used: i32, length: i32, bits: u64, offset: i32): i32 {
  let p = list + ((<usize>used) << 1);
  const end = list + ((<usize>length) << 1);
  for (let byteIndex = 0; byteIndex < 8; byteIndex++) {
    const byte = <usize>(bits & 255);
    if (p + 16 <= end) {
      // Writes eight offsets whatever the byte: those behind its set bits are overwritten by what follows.
      v128.store(p, i16x8.add(v128.load(BYTE_OFFSETS + (byte << 4)), i16x8.splat(<i16>offset)));
      p += (<usize>popcnt<u32>(<u32>byte)) << 1;
    } else {
      for (let rest = byte; rest && p < end; rest &= rest - 1) {
        store<u16>(p, offset + ((<i32>ctz<usize>(rest)) << 4));
        p += 2;
      }
    }
    bits >>= 8;
    offset += 128;
  }
  return <i32>(p - list) >> 1;
}
