import test from "ava";
import { overlapLimits } from "../../src/core/overlap-limits.js";
import { bordersByWork, estimateWork } from "../../src/core/split-by-work.js";
import { clksOfPopcounts, seededRandom } from "../random-clks.js";

const counted = (popcounts: number[], byteLength: number) => ({
  dataset: clksOfPopcounts(popcounts, byteLength),
  popcounts: Uint16Array.from(popcounts),
});

test("splits all rows into the requested number of parts with about equal work", (t) => {
  const random = seededRandom(1);
  const popcounts = () =>
    Array.from({ length: 3000 }, () => Math.floor(100 + 60 * (random() + random() + random() - 1.5)));
  const left = counted(popcounts(), 32);
  const right = counted(popcounts(), 32);
  for (const threshold of [0.5, 0.8, 0.95, 1]) {
    const work = estimateWork(left, right, overlapLimits(threshold, 32));
    const sorted = left.popcounts.slice().sort();
    for (const parts of [1, 2, 3, 16]) {
      const borders = bordersByWork(work, parts);
      t.is(borders.length, parts + 1);
      t.is(borders[0], 0);
      t.is(borders.at(-1), 3000);
      for (let n = 0; n < parts; n++) {
        const rows = sorted.subarray(borders[n], borders[n + 1]);
        const share = rows.reduce((sum, popcount) => sum + work.workOfRow[popcount]!, 0) / work.total;
        t.true(Math.abs(share - 1 / parts) < 0.01, `part ${n} of ${parts} at ${threshold}: ${share}`);
      }
    }
  }
});

test("splits empty and full rows, and fewer rows than parts", (t) => {
  const limits = overlapLimits(0.8, 8);
  const cases = [[], [0], [0, 0, 0], [64, 64], [0, 64, 32], new Array(50).fill(64)];
  for (const left of cases) {
    for (const right of cases) {
      const work = estimateWork(counted(left, 8), counted(right, 8), limits);
      const borders = bordersByWork(work, 4);
      t.is(borders.length, 5);
      t.is(borders.at(-1), left.length);
      t.deepEqual(
        borders,
        [...borders].sort((a, b) => a - b),
      );
    }
  }
});
