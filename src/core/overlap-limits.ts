import { invalidOption } from "./errors.js";

/**
 * A threshold on doubles, converted to integers once, so that kernels compare integers and still accept exactly the
 * pairs whose double score reaches the threshold.
 */
export interface OverlapLimits {
  readonly threshold: number;
  /** Bits per CLK. */
  readonly bits: number;
  /**
   * By the sum of two popcounts, 0 to 2 · bits: the minimum overlap that passes. If none can (an overlap is at most
   * half of the sum), a number that no overlap reaches.
   */
  readonly leastOverlap: Int32Array;
  /** By popcount, 0 to bits: the highest popcount of a partner that can pass; -1 if there is none. */
  readonly highestPartner: Int32Array;
  /** By popcount, 0 to bits: the lowest popcount of a partner that can pass; bits + 1 if there is none. */
  readonly lowestPartner: Int32Array;
}

/** The Dice similarity of two CLKs: one double division; 0 if either is empty. */
export function diceScore(overlap: number, popcountA: number, popcountB: number): number {
  return popcountA === 0 || popcountB === 0 ? 0 : (2 * overlap) / (popcountA + popcountB);
}

/** Checks a threshold: 0 < threshold <= 1. Throws `invalid-option`. */
export function checkThreshold(threshold: number): void {
  if (typeof threshold !== "number" || !(threshold > 0 && threshold <= 1)) {
    throw invalidOption("threshold", "a number above 0 and up to 1", threshold);
  }
}

/**
 * Computes the limits of a threshold for CLKs of `byteLength` bytes: a few divisions for each of 2 · bits sums.
 *
 * @param threshold 0 < threshold <= 1
 * @throws LinkageError `invalid-option`
 */
export function overlapLimits(threshold: number, byteLength: number): OverlapLimits {
  checkThreshold(threshold);
  const bits = 8 * byteLength;
  const leastOverlap = new Int32Array(2 * bits + 1);
  leastOverlap[0] = 1; // two empty CLKs score 0
  for (let sum = 1; sum <= 2 * bits; sum++) {
    // Rounding makes the guess off by one at most; the doubles decide.
    let overlap = Math.ceil((threshold * sum) / 2);
    while (overlap > 1 && (2 * (overlap - 1)) / sum >= threshold) overlap--;
    while ((2 * overlap) / sum < threshold) overlap++;
    leastOverlap[sum] = Math.max(1, overlap);
  }
  const highestPartner = new Int32Array(bits + 1).fill(-1);
  const lowestPartner = new Int32Array(bits + 1).fill(bits + 1);
  // Both bounds only increase with the popcount.
  let highest = 0;
  let lowest = 1;
  for (let popcount = 1; popcount <= bits; popcount++) {
    highest = Math.max(highest, popcount);
    while (highest < bits && leastOverlap[popcount + highest + 1]! <= popcount) highest++;
    while (leastOverlap[popcount + lowest]! > lowest) lowest++;
    highestPartner[popcount] = highest;
    lowestPartner[popcount] = lowest;
  }
  return { threshold, bits, leastOverlap, highestPartner, lowestPartner };
}
