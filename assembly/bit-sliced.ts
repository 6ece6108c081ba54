// The bit-sliced kernel. It counts *misses* (columns set in the list row but not in a sliced row) for 128 sliced rows
// at once, plane by plane, in vertical counters. The counters start high enough that an overflow means more misses than
// the threshold allows. A row is done when all its lanes are dead. The few surviving lanes are checked exactly, so
// every shortcut is exact. The list side always has the smaller popcount: it allows fewer misses, so lanes die sooner.
//
// Based on the vertical counters of bit-sliced comparison in hardware and chess programs (carry-save adders,
// Harley-Seal).
import { BLOCK_ROWS, fillByteOffsets } from "./planes";
import { addMatch, at, idOf, Matches, overlapOf, overlapOf16, popcountOf, Rows } from "./rows";
import { FIRST_STEPS, PLANES, ROWS_ALIVE, ROWS_SEEN, SLOT_COUNT, SLOT_ROWS, SLOTS, START } from "./scratch";

/** Planes added per step. */
const STEP_PLANES: i32 = 16;

/** One pass over two sides sorted by ascending popcount. The host writes these fields, 32 bits each, in this order. */
@unmanaged
export class Pass {
  words: i32;
  /** Items per list, a multiple of 16. */
  listLength: i32;
  /** The lists of the list side, as u16. */
  lists: usize;
  /** The number of leading words of planes that contain all listed columns. */
  listedWords: i32;
  /** Sliced blocks of the other side. */
  planes: usize;
  /** i32 by popcount sum: the minimum overlap that passes. */
  leastOverlap: usize;
  /** i32 by popcount of the list row: the highest popcount of a partner that can still pass. */
  highestPartner: usize;
  /**
   * 0: the list side is the left side and partners have at least as many bits. 1: it is the right side and partners
   * have more.
   */
  swapped: i32;
  /** In and out: the next block of the sliced side. */
  block: i32;
}

/** Initializes the module's scratch memory. Call once. */
export function prepareBitSliced(): void {
  fillByteOffsets();
  // Initially, the first look comes after about 1.2 planes per allowed miss; the table then adapts.
  for (let n = 0; n < 128; n++) {
    store<i32>(FIRST_STEPS + (n << 2), max(1, <i32>(<f64>(n * 4 + 2) * 1.2 / <f64>STEP_PLANES)));
    store<i32>(ROWS_SEEN + (n << 2), 0);
    store<i32>(ROWS_ALIVE + (n << 2), 0);
  }
}

@inline
function plane(list: usize, n: usize): v128 {
  return v128.load(<usize>load<u16>(list + (n << 1)), PLANES);
}

/** The carry of a + b + c, given a ^ b. */
@inline
function carry(aXorB: v128, a: v128, c: v128): v128 {
  return v128.bitselect(c, a, aXorB);
}

/** Bytes per slot: `width` counter bits and the dead lanes. */
@inline
function slotBytes(width: i32): usize {
  return (<usize>width + 1) << 4;
}

/**
 * Adds the planes listed from `list` to `end`, 16 per step, to the counters at `from`, and stores the result at `to`.
 * Returns whether any lane is alive. A carry-save tree: eight pairs of planes into `ones`, their carries into `twos`, …
 */
@inline
function addPlanes(width: i32, from: usize, list: usize, end: usize, to: usize): bool {
  let ones = v128.load(from), twos = v128.load(from, 16), fours = v128.load(from, 32), eights = v128.load(from, 48);
  let c16 = v128.load(from, 64);
  let c32 = width > 5 ? v128.load(from, 80) : i64x2.splat(0);
  let c64 = width > 6 ? v128.load(from, 96) : i64x2.splat(0);
  let c128 = width > 7 ? v128.load(from, 112) : i64x2.splat(0);
  let c256 = width > 8 ? v128.load(from, 128) : i64x2.splat(0);
  let dead = v128.load(from + ((<usize>width) << 4));
  do {
    let p = plane(list, 0), x = v128.xor(p, plane(list, 1));
    let twoA = carry(x, p, ones);
    ones = v128.xor(x, ones);
    p = plane(list, 2), x = v128.xor(p, plane(list, 3));
    let twoB = carry(x, p, ones);
    ones = v128.xor(x, ones);
    x = v128.xor(twoA, twoB);
    let fourA = carry(x, twoA, twos);
    twos = v128.xor(x, twos);

    p = plane(list, 4), x = v128.xor(p, plane(list, 5));
    twoA = carry(x, p, ones);
    ones = v128.xor(x, ones);
    p = plane(list, 6), x = v128.xor(p, plane(list, 7));
    twoB = carry(x, p, ones);
    ones = v128.xor(x, ones);
    x = v128.xor(twoA, twoB);
    let fourB = carry(x, twoA, twos);
    twos = v128.xor(x, twos);
    x = v128.xor(fourA, fourB);
    const eightA = carry(x, fourA, fours);
    fours = v128.xor(x, fours);

    p = plane(list, 8), x = v128.xor(p, plane(list, 9));
    twoA = carry(x, p, ones);
    ones = v128.xor(x, ones);
    p = plane(list, 10), x = v128.xor(p, plane(list, 11));
    twoB = carry(x, p, ones);
    ones = v128.xor(x, ones);
    x = v128.xor(twoA, twoB);
    fourA = carry(x, twoA, twos);
    twos = v128.xor(x, twos);

    p = plane(list, 12), x = v128.xor(p, plane(list, 13));
    twoA = carry(x, p, ones);
    ones = v128.xor(x, ones);
    p = plane(list, 14), x = v128.xor(p, plane(list, 15));
    twoB = carry(x, p, ones);
    ones = v128.xor(x, ones);
    x = v128.xor(twoA, twoB);
    fourB = carry(x, twoA, twos);
    twos = v128.xor(x, twos);
    x = v128.xor(fourA, fourB);
    const eightB = carry(x, fourA, fours);
    fours = v128.xor(x, fours);

    x = v128.xor(eightA, eightB);
    let over = carry(x, eightA, eights);
    eights = v128.xor(x, eights);
    // The upper counter bits ripple: one carry enters at the sixteens.
    let next = v128.and(c16, over);
    c16 = v128.xor(c16, over);
    over = next;
    if (width > 5) {
      next = v128.and(c32, over);
      c32 = v128.xor(c32, over);
      over = next;
    }
    if (width > 6) {
      next = v128.and(c64, over);
      c64 = v128.xor(c64, over);
      over = next;
    }
    if (width > 7) {
      next = v128.and(c128, over);
      c128 = v128.xor(c128, over);
      over = next;
    }
    if (width > 8) {
      next = v128.and(c256, over);
      c256 = v128.xor(c256, over);
      over = next;
    }
    dead = v128.or(dead, over);
    list += STEP_PLANES << 1;
  } while (list < end);
  v128.store(to, ones);
  v128.store(to, twos, 16);
  v128.store(to, fours, 32);
  v128.store(to, eights, 48);
  v128.store(to, c16, 64);
  if (width > 5) v128.store(to, c32, 80);
  if (width > 6) v128.store(to, c64, 96);
  if (width > 7) v128.store(to, c128, 112);
  if (width > 8) v128.store(to, c256, 128);
  v128.store(to + ((<usize>width) << 4), dead);
  return v128.any_true(v128.not(dead));
}

/** Sets the counters so that they overflow at `allowed + 1` misses. */
@inline
function setStart(width: i32, allowed: i32): void {
  const start = (1 << width) - 1 - allowed;
  for (let bit = 0; bit < width; bit++) v128.store(START + ((<usize>bit) << 4), i8x16.splat(<i8>-((start >> bit) & 1)));
  v128.store(START + ((<usize>width) << 4), i64x2.splat(0));
}

/** Checks a slot's live lanes exactly and reports the pairs that pass. */
function checkSlot(pass: Pass, list: Rows, sliced: Rows, row: i32, dead: usize, firstSliced: i32, matches: Matches): void {
  const words = pass.words;
  const popcount = popcountOf(list, row);
  const lowest = popcount + pass.swapped;
  const highest = at(pass.highestPartner, popcount);
  const stride = (<usize>words) << 3;
  const a = list.words + <usize>row * stride;
  for (let half = 0; half < 2; half++) {
    for (let lanes = ~load<u64>(dead + ((<usize>half) << 3)); lanes; lanes &= lanes - 1) {
      const other = firstSliced + (half << 6) + <i32>ctz<u64>(lanes);
      if (other >= sliced.count) return;
      const otherPopcount = popcountOf(sliced, other);
      if (otherPopcount < lowest || otherPopcount > highest) continue;
      const b = sliced.words + <usize>other * stride;
      const overlap = words == 16 ? overlapOf16(a, b) : overlapOf(a, b, 0, words);
      const sum = popcount + otherPopcount;
      if (overlap < at(pass.leastOverlap, sum)) continue;
      if (pass.swapped) addMatch(matches, idOf(sliced, other), idOf(list, row), overlap, sum);
      else addMatch(matches, idOf(list, row), idOf(sliced, other), overlap, sum);
    }
  }
}

/** Advances the rows in the slots step by step until none is alive or the lists end, then checks the survivors. */
@inline
function finishSlots(
  width: i32, pass: Pass, list: Rows, sliced: Rows, slots: i32, firstStep: i32, firstSliced: i32, matches: Matches,
): void {
  const steps = pass.listLength >> 4;
  const listBytes = (<usize>pass.listLength) << 1;
  const size = slotBytes(width);
  for (let step = firstStep; step < steps && slots > 0; step++) {
    let kept = 0;
    for (let slot = 0; slot < slots; slot++) {
      const row = at(SLOT_ROWS, slot);
      const planes = pass.lists + <usize>row * listBytes + ((<usize>step) << 5);
      const lives = addPlanes(width, SLOTS + <usize>slot * size, planes, planes, SLOTS + <usize>kept * size);
      store<i32>(SLOT_ROWS + ((<usize>kept) << 2), row);
      kept += <i32>lives;
    }
    slots = kept;
  }
  for (let slot = 0; slot < slots; slot++) {
    const dead = SLOTS + <usize>slot * size + ((<usize>width) << 4);
    checkSlot(pass, list, sliced, at(SLOT_ROWS, slot), dead, firstSliced, matches);
  }
}

// One compiled copy per counter width: `width` is a constant in each, so unused counter bits are optimized away.

function finish5(pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  finishSlots(5, pass, list, sliced, slots, step, first, matches);
}

function finish6(pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  finishSlots(6, pass, list, sliced, slots, step, first, matches);
}

function finish7(pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  finishSlots(7, pass, list, sliced, slots, step, first, matches);
}

function finish8(pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  finishSlots(8, pass, list, sliced, slots, step, first, matches);
}

function finish9(pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  finishSlots(9, pass, list, sliced, slots, step, first, matches);
}

@inline
function finish(width: i32, pass: Pass, list: Rows, sliced: Rows, slots: i32, step: i32, first: i32, matches: Matches): void {
  if (width == 5) finish5(pass, list, sliced, slots, step, first, matches);
  else if (width == 6) finish6(pass, list, sliced, slots, step, first, matches);
  else if (width == 7) finish7(pass, list, sliced, slots, step, first, matches);
  else if (width == 8) finish8(pass, list, sliced, slots, step, first, matches);
  else finish9(pass, list, sliced, slots, step, first, matches);
}

/** Adjusts the number of steps before the first look so that 30 % to 70 % of the rows survive it. */
@inline
function adapt(missClass: usize, seen: i32, alive: i32, steps: i32): void {
  const allSeen = load<i32>(ROWS_SEEN + missClass) + seen;
  const allAlive = load<i32>(ROWS_ALIVE + missClass) + alive;
  const enough = allSeen >= 256;
  if (enough && allAlive * 10 > allSeen * 7) store<i32>(FIRST_STEPS + missClass, steps + 1);
  if (enough && allAlive * 10 < allSeen * 3 && steps > 1) store<i32>(FIRST_STEPS + missClass, steps - 1);
  store<i32>(ROWS_SEEN + missClass, enough ? 0 : allSeen);
  store<i32>(ROWS_ALIVE + missClass, enough ? 0 : allAlive);
}

/**
 * Compares the list rows from `from` to `to` with every sliced row that can pass. A block needs room for
 * `(to - from) * 128` matches; without it, stops before the block and leaves `pass.block` at the block to resume from.
 * `width`: counter bits; the allowed misses of every row must be below 2 ** width.
 */
@inline
function compare(width: i32, pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  const steps = pass.listLength >> 4;
  const listBytes = (<usize>pass.listLength) << 1;
  const planeBytes = (<usize>pass.words) << 10;
  const listedBytes = (<usize>pass.listedWords) << 10;
  const blocks = (sliced.count + BLOCK_ROWS - 1) >> 7;
  const lowestOfAll = popcountOf(list, from) + pass.swapped;
  const highestOfAll = at(pass.highestPartner, popcountOf(list, to - 1));
  const size = slotBytes(width);
  v128.store(PLANES + planeBytes, i64x2.splat(0));
  for (; pass.block < blocks; pass.block++) {
    const firstSliced = pass.block << 7;
    const blockLowest = popcountOf(sliced, firstSliced);
    const blockHighest = popcountOf(sliced, min(firstSliced + BLOCK_ROWS, sliced.count) - 1);
    if (blockHighest < lowestOfAll) continue;
    if (blockLowest > highestOfAll) break;
    if (matches.capacity - matches.count < (to - from) * BLOCK_ROWS) return;
    memory.copy(PLANES, pass.planes + <usize>pass.block * planeBytes, listedBytes);
    let row = from, slots = 0, look = 0;
    while (row < to) {
      // Rows with the same popcount share their limits.
      const popcount = popcountOf(list, row);
      let end = row + 1;
      while (end < to && popcountOf(list, end) == popcount) end++;
      const lowest = popcount + pass.swapped;
      const allowed = popcount - at(pass.leastOverlap, popcount + max(blockLowest, lowest));
      if (!popcount || blockHighest < lowest || blockLowest > at(pass.highestPartner, popcount) || allowed < 0) {
        row = end;
        continue;
      }
      const missClass = (<usize>(allowed >> 2)) << 2;
      const firstLook = min(steps, load<i32>(FIRST_STEPS + missClass));
      if (firstLook != look) {
        if (slots) finish(width, pass, list, sliced, slots, look, firstSliced, matches);
        slots = 0;
        look = firstLook;
      }
      setStart(width, allowed);
      const seen = end - row;
      let alive = 0;
      while (row < end) {
        const before = slots;
        for (const stop = min(end, row + SLOT_COUNT - slots); row < stop; row++) {
          const planes = pass.lists + <usize>row * listBytes;
          const lives = addPlanes(width, START, planes, planes + ((<usize>look) << 5), SLOTS + <usize>slots * size);
          store<i32>(SLOT_ROWS + ((<usize>slots) << 2), row);
          slots += <i32>lives; // no branch: a dead row's slot is overwritten by the next
        }
        alive += slots - before;
        if (slots == SLOT_COUNT) {
          finish(width, pass, list, sliced, slots, look, firstSliced, matches);
          slots = 0;
        }
      }
      adapt(missClass, seen, alive, firstLook);
    }
    if (slots) finish(width, pass, list, sliced, slots, look, firstSliced, matches);
  }
  pass.block = blocks;
}

export function compare5(pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  compare(5, pass, list, sliced, from, to, matches);
}

export function compare6(pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  compare(6, pass, list, sliced, from, to, matches);
}

export function compare7(pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  compare(7, pass, list, sliced, from, to, matches);
}

export function compare8(pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  compare(8, pass, list, sliced, from, to, matches);
}

export function compare9(pass: Pass, list: Rows, sliced: Rows, from: i32, to: i32, matches: Matches): void {
  compare(9, pass, list, sliced, from, to, matches);
}
