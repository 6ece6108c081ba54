import { allocateBytes, type ClkDataset, createClkDataset } from "../src/core/clk-dataset.js";

/** A seeded generator of numbers in [0, 1): mulberry32, small and good enough for tests. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface RandomClksOptions {
  readonly recordCount: number;
  readonly byteLength: number;
  /** Share of ones, 0 to 1. */
  readonly ones?: number;
  /** Records that others are noisy copies of; two data sets made from one base match each other. */
  readonly base?: ClkDataset;
  /** Share of bits that a copy changes. */
  readonly noise?: number;
}

/** Random CLKs; with a base, half of the records are noisy copies of its records. */
export function randomClks(random: () => number, options: RandomClksOptions): ClkDataset {
  const { recordCount, byteLength, ones = 0.4, base, noise = 0.05 } = options;
  const bytes = allocateBytes(recordCount * byteLength);
  for (let record = 0; record < recordCount; record++) {
    const source =
      base !== undefined && base.recordCount > 0 && random() < 0.5
        ? Math.floor(random() * base.recordCount)
        : -1;
    for (let bit = 0; bit < 8 * byteLength; bit++) {
      let set = random() < ones;
      if (source >= 0 && random() >= noise) {
        set = ((base!.bytes[source * byteLength + (bit >> 3)]! >> (bit & 7)) & 1) === 1;
      }
      if (set) bytes[record * byteLength + (bit >> 3)]! |= 1 << (bit & 7);
    }
  }
  return createClkDataset(bytes, byteLength);
}

/** A data set of records with exactly these popcounts; the lowest bits are set. */
export function clksOfPopcounts(popcounts: readonly number[], byteLength: number): ClkDataset {
  const bytes = allocateBytes(popcounts.length * byteLength);
  popcounts.forEach((popcount, record) => {
    for (let bit = 0; bit < popcount; bit++) bytes[record * byteLength + (bit >> 3)]! |= 1 << (bit & 7);
  });
  return createClkDataset(bytes, byteLength);
}
