// Sorts the matches of two data sets by score descending, then left record and right record ascending. A stable radix
// sort (LSD, counting) over 16-byte records: the first pass reads columns, the last one writes columns.
import { Matches } from "./rows";

/** Maximum bits per digit: 2,048 write streams still fit the L2 cache. */
const DIGIT_BITS: i32 = 11;
const DIGIT_MASK: i32 = (1 << DIGIT_BITS) - 1;
/** Bytes of one digit's counters. */
const COUNTER_BYTES: usize = 4 << DIGIT_BITS;

/** Distinct scores of CLKs of up to 1,024 bits differ by at least 2^-21: keys of that resolution distinguish them. */
const SCORE_SCALE: f64 = 2097152;
/** Scores that share a key are ordered by insertion, if that takes at most this many moves per pair on average. */
const MOVES_PER_PAIR: i32 = 4;

/** Adding this leaves a double, rounded to an integer, in its lowest bits: cheaper than a conversion. */
const TO_INTEGER: f64 = 4503599627370496;

/** Parameters of the current sort's index keys. */
let lowestLeft: u32 = 0;
let lowestRight: u32 = 0;
let rightBits: i32 = 0;
let indexBits: i32 = 0;

/** A score's key, two digits long: ascends as scores descend from 1. */
@inline
function scoreKey(score: f64): i32 {
  return <i32>reinterpret<i64>((1 - score) * SCORE_SCALE + TO_INTEGER);
}

/** Increments a digit's counter. Returns its previous value: a record's position, once counters hold positions. */
@inline
function takePlace(counters: usize, digit: i32): usize {
  const counter = counters + ((<usize>digit) << 2);
  const place = load<u32>(counter);
  store<u32>(counter, place + 1);
  return <usize>place;
}

/** A pair's indices as one number, which sorts as the pairs do. */
@inline
function indexKey(left: u32, right: u32): u64 {
  return ((<u64>(left - lowestLeft)) << (<u64>rightBits)) | <u64>(right - lowestRight);
}

/**
 * One pass by a digit of the score (`byScore`) or of the indices, from columns or records to columns or records. A
 * record consists of the score and one 64-bit word with the left and right record indices.
 */
@inline
function pass(
  byScore: bool, fromColumns: bool, toColumns: bool,
  pairs: Matches, from: usize, to: usize, shift: i32, counters: usize,
): void {
  const scores = pairs.scores, lefts = pairs.left, rights = pairs.right;
  const count = <usize>pairs.count;
  for (let n: usize = 0; n < count; n++) {
    const record = from + (n << 4);
    const score = load<f64>(fromColumns ? scores + (n << 3) : record);
    const indices = fromColumns
      ? <u64>load<u32>(lefts + (n << 2)) | (<u64>load<u32>(rights + (n << 2)) << 32)
      : load<u64>(record, 8);
    const key = byScore
      ? scoreKey(score) >> shift
      : <i32>(indexKey(<u32>indices, <u32>(indices >> 32)) >> (<u64>shift));
    const place = takePlace(counters, key & DIGIT_MASK);
    if (toColumns) {
      store<f64>(scores + (place << 3), score);
      store<u32>(lefts + (place << 2), <u32>indices);
      store<u32>(rights + (place << 2), <u32>(indices >> 32));
    } else {
      store<f64>(to + (place << 4), score);
      store<u64>(to + (place << 4), indices, 8);
    }
  }
}

// One compiled copy per kind of pass in use.

function indexColumnsToRecords(pairs: Matches, from: usize, to: usize, shift: i32, counters: usize): void {
  pass(false, true, false, pairs, from, to, shift, counters);
}

function indexRecordsToRecords(pairs: Matches, from: usize, to: usize, shift: i32, counters: usize): void {
  pass(false, false, false, pairs, from, to, shift, counters);
}

function scoreColumnsToRecords(pairs: Matches, from: usize, to: usize, shift: i32, counters: usize): void {
  pass(true, true, false, pairs, from, to, shift, counters);
}

function scoreRecordsToRecords(pairs: Matches, from: usize, to: usize, shift: i32, counters: usize): void {
  pass(true, false, false, pairs, from, to, shift, counters);
}

function scoreRecordsToColumns(pairs: Matches, from: usize, to: usize, shift: i32, counters: usize): void {
  pass(true, false, true, pairs, from, to, shift, counters);
}

/** Counts both digits of the scores. Returns whether the pairs are already in index order. */
function countScores(pairs: Matches, counters: usize): bool {
  let last: u64 = 0;
  let ascending = true;
  for (let n: usize = 0, count = <usize>pairs.count; n < count; n++) {
    const index = (<u64>load<u32>(pairs.left + (n << 2)) << 32) | <u64>load<u32>(pairs.right + (n << 2));
    ascending = ascending && last <= index;
    last = index;
    const key = scoreKey(load<f64>(pairs.scores + (n << 3)));
    takePlace(counters, key & DIGIT_MASK);
    takePlace(counters + COUNTER_BYTES, key >> DIGIT_BITS);
  }
  return ascending;
}

/** Counts all digits of the indices. */
function countIndices(pairs: Matches, passes: i32, counters: usize): void {
  for (let n: usize = 0, count = <usize>pairs.count; n < count; n++) {
    let key = indexKey(load<u32>(pairs.left + (n << 2)), load<u32>(pairs.right + (n << 2)));
    for (let digit = 0; digit < passes; digit++, key >>= DIGIT_BITS) {
      takePlace(counters + <usize>digit * COUNTER_BYTES, <i32>key & DIGIT_MASK);
    }
  }
}

/** Turns counts into start positions. */
function accumulate(counters: usize, passes: i32): void {
  for (let n = 0; n < passes; n++, counters += COUNTER_BYTES) {
    let sum: u32 = 0;
    for (let counter = counters; counter < counters + COUNTER_BYTES; counter += 4) {
      const size = load<u32>(counter);
      store<u32>(counter, sum);
      sum += size;
    }
  }
}

@inline
function bitsOf(value: u32): i32 {
  return 32 - clz<i32>(value);
}

/** Finds the range of the indices. */
function measureIndices(pairs: Matches): void {
  let minLeft: u32 = u32.MAX_VALUE, maxLeft: u32 = 0, minRight: u32 = u32.MAX_VALUE, maxRight: u32 = 0;
  for (let n: usize = 0, count = <usize>pairs.count; n < count; n++) {
    const left = load<u32>(pairs.left + (n << 2)), right = load<u32>(pairs.right + (n << 2));
    minLeft = min(minLeft, left);
    maxLeft = max(maxLeft, left);
    minRight = min(minRight, right);
    maxRight = max(maxRight, right);
  }
  lowestLeft = minLeft;
  lowestRight = minRight;
  rightBits = bitsOf(maxRight - minRight);
  indexBits = rightBits + bitsOf(maxLeft - minLeft);
}

/**
 * Reorders pairs that their score keys could not distinguish, so that scores never ascend. Pairs with equal scores are
 * already in order, because every pass is stable. Returns false if that takes too many moves.
 */
function insertScores(pairs: Matches): bool {
  const scores = pairs.scores, lefts = pairs.left, rights = pairs.right;
  const count = pairs.count;
  let moves = <i64>count * MOVES_PER_PAIR;
  for (let n = 1; n < count; n++) {
    const score = load<f64>(scores + ((<usize>n) << 3));
    if (!(score > load<f64>(scores + ((<usize>n - 1) << 3)))) continue;
    const left = load<u32>(lefts + ((<usize>n) << 2)), right = load<u32>(rights + ((<usize>n) << 2));
    let place = <usize>n;
    for (; place > 0; place--) {
      const before = load<f64>(scores + ((place - 1) << 3));
      if (before >= score) break;
      if (--moves < 0) break;
      store<f64>(scores + (place << 3), before);
      store<u32>(lefts + (place << 2), load<u32>(lefts + ((place - 1) << 2)));
      store<u32>(rights + (place << 2), load<u32>(rights + ((place - 1) << 2)));
    }
    store<f64>(scores + (place << 3), score);
    store<u32>(lefts + (place << 2), left);
    store<u32>(rights + (place << 2), right);
    if (moves < 0) return false;
  }
  return true;
}

/**
 * Sorts pairs in place; scores must be above 0 and at most 1. `first` and `second` each have room for one 16-byte
 * record per pair, `counters` for eight digits. Returns whether the pairs are now sorted. If not (too many distinct
 * scores closer than the resolution of the keys), all pairs are still there, in another order.
 */
export function sortMatches(pairs: Matches, first: usize, second: usize, counters: usize): bool {
  if (pairs.count < 2) return true;
  const indexCounters = counters + 2 * COUNTER_BYTES;
  memory.fill(counters, 0, 2 * COUNTER_BYTES);
  let indexPasses = 0;
  if (!countScores(pairs, counters)) {
    measureIndices(pairs);
    indexPasses = (indexBits + DIGIT_BITS - 1) / DIGIT_BITS;
    memory.fill(indexCounters, 0, <usize>indexPasses * COUNTER_BYTES);
    countIndices(pairs, indexPasses, indexCounters);
  }
  accumulate(counters, 2 + indexPasses);
  let from = second, to = first;
  for (let n = 0; n < indexPasses; n++) {
    const shift = n * DIGIT_BITS, counts = indexCounters + <usize>n * COUNTER_BYTES;
    if (n == 0) indexColumnsToRecords(pairs, from, to, shift, counts);
    else indexRecordsToRecords(pairs, from, to, shift, counts);
    const used = from;
    from = to;
    to = used;
  }
  if (indexPasses == 0) scoreColumnsToRecords(pairs, from, to, 0, counters);
  else scoreRecordsToRecords(pairs, from, to, 0, counters);
  scoreRecordsToColumns(pairs, to, to, DIGIT_BITS, counters + COUNTER_BYTES);
  return insertScores(pairs);
}
