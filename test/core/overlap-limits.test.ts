import test from "ava";
import { LinkageError } from "../../src/core/errors.js";
import { diceScore, overlapLimits } from "../../src/core/overlap-limits.js";
import { seededRandom } from "../random-clks.js";

const THRESHOLDS = [
  1,
  0.999,
  0.95,
  0.9,
  0.85,
  0.8,
  0.75,
  0.7,
  2 / 3,
  0.6,
  0.5,
  1 / 3,
  0.25,
  0.1,
  0.01,
  1e-6,
  5e-324,
  0.1 + 0.2,
  1 - 2 ** -53,
];

test("integer limits accept the same pairs as floating point: all cases of small CLKs", (t) => {
  const byteLength = 4;
  const bits = 8 * byteLength;
  // Rounding could matter for thresholds that are possible scores or their neighbors.
  const scores = new Set(THRESHOLDS);
  for (let sum = 1; sum <= 2 * bits; sum++) {
    for (let overlap = 1; 2 * overlap <= sum; overlap++) {
      const score = (2 * overlap) / sum;
      scores.add(score).add(score * (1 - 2 ** -53));
      if (score < 1) scores.add(score * (1 + 2 ** -52));
    }
  }
  let wrong = 0;
  for (const threshold of scores) {
    const { leastOverlap } = overlapLimits(threshold, byteLength);
    for (let pa = 0; pa <= bits; pa++) {
      for (let pb = 0; pb <= bits; pb++) {
        for (let overlap = 0; overlap <= Math.min(pa, pb); overlap++) {
          if (overlap >= leastOverlap[pa + pb]! !== diceScore(overlap, pa, pb) >= threshold) wrong++;
        }
      }
    }
  }
  t.is(wrong, 0);
});

test("integer limits accept the same pairs as floating point: random cases of wide CLKs", (t) => {
  const random = seededRandom(1);
  let wrong = 0;
  for (const byteLength of [128, 129, 1000, 4096]) {
    const bits = 8 * byteLength;
    for (let n = 0; n < 40; n++) {
      const pa = 1 + Math.floor(random() * bits);
      const pb = 1 + Math.floor(random() * bits);
      const score = diceScore(1 + Math.floor(random() * Math.min(pa, pb)), pa, pb);
      const threshold = THRESHOLDS[n] ?? (random() < 0.5 ? score : random() || 1);
      const { leastOverlap } = overlapLimits(threshold, byteLength);
      for (let sum = 1; sum <= 2 * bits; sum++) {
        // Acceptance is monotonic in the overlap, so checking the border is enough.
        const least = leastOverlap[sum]!;
        if ((2 * least) / sum < threshold || (least > 1 && (2 * (least - 1)) / sum >= threshold)) wrong++;
      }
    }
  }
  t.is(wrong, 0);
});

test("a partner is within the limits exactly if some overlap passes", (t) => {
  const bits = 64;
  let wrong = 0;
  for (const threshold of THRESHOLDS) {
    const { leastOverlap, highestPartner, lowestPartner } = overlapLimits(threshold, bits / 8);
    for (let pa = 0; pa <= bits; pa++) {
      for (let pb = 0; pb <= bits; pb++) {
        const canPass = pa > 0 && pb > 0 && leastOverlap[pa + pb]! <= Math.min(pa, pb);
        if (canPass !== (pb >= lowestPartner[pa]! && pb <= highestPartner[pa]!)) wrong++;
      }
    }
  }
  t.is(wrong, 0);
});

test("accepts the borderline pair that anonlink's C++ loses", (t) => {
  t.true(19 >= overlapLimits(0.95, 8).leastOverlap[19 + 21]!);
  t.is(diceScore(19, 19, 21), 0.95);
});

test("rejects a threshold outside (0, 1] by name", (t) => {
  for (const threshold of [
    0,
    -1,
    1.0000001,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "0.9" as unknown as number,
  ]) {
    const error = t.throws(() => overlapLimits(threshold, 8), { instanceOf: LinkageError });
    t.is(error.code, "invalid-option");
    t.regex(error.message, /^threshold must be a number above 0 and up to 1, not /);
  }
});
