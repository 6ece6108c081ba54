// One suite for all kernels: each must find the same pairs as the reference, with equal scores.
import test from "ava";
import { concatPairs, type SimilarPairs } from "../../../src/core/candidates/similar-pairs.js";
import { sortSimilarPairs } from "../../../src/core/candidates/sort-similar-pairs.js";
import { type ClkDataset, createClkDataset } from "../../../src/core/clk-dataset.js";
import { KERNEL_NAMES, type KernelName, type RowRange } from "../../../src/core/kernel/kernel.js";
import { Kernels } from "../../../src/core/kernel/kernels.js";
import { MatchCollector } from "../../../src/core/kernel/match-collector.js";
import { compileModules } from "../../../src/core/kernel/wasm-modules.js";
import { overlapLimits } from "../../../src/core/overlap-limits.js";
import { clksOfPopcounts, randomClks, seededRandom } from "../../random-clks.js";

const kernels = await Kernels.load(await compileModules());
/** Tiles of a few records, so that small data sets have many tiles. */
const tiled = await Kernels.load(await compileModules(), { scalar: 40 * 16, bitSliced: 200 * 16 });
const fast = KERNEL_NAMES.filter((name) => name !== "reference");

interface Orders {
  left?: Uint32Array;
  right?: Uint32Array;
}

function compareWith(
  name: KernelName,
  left: ClkDataset,
  right: ClkDataset,
  threshold: number,
  orders: Orders = {},
  from = kernels,
) {
  const kernel = from.get(name);
  const range = (dataset: ClkDataset, order: Uint32Array | undefined): RowRange => ({
    dataset,
    popcounts: kernel.popcounts(dataset),
    order,
    from: 0,
    to: order?.length ?? dataset.recordCount,
  });
  const matches = new MatchCollector();
  const limits = overlapLimits(threshold, left.byteLength);
  let comparisons = 0;
  const leftRows = range(left, orders.left);
  const rightRows = range(right, orders.right);
  for (const done of kernel.compareRows(leftRows, rightRows, limits, matches)) comparisons += done;
  return { comparisons, total: leftRows.to * rightRows.to, pairs: sorted(matches) };
}

function sorted(matches: MatchCollector): SimilarPairs {
  const { scores, leftRecords, rightRecords } = concatPairs(matches.take());
  return sortSimilarPairs(scores, leftRecords, rightRecords);
}

function sameAsReference(
  t: {
    deepEqual: (a: unknown, b: unknown, message?: string) => void;
    is: (a: unknown, b: unknown, message?: string) => void;
  },
  left: ClkDataset,
  right: ClkDataset,
  threshold: number,
  orders: Orders = {},
): number {
  const expected = compareWith("reference", left, right, threshold, orders);
  for (const name of fast) {
    const found = compareWith(name, left, right, threshold, orders);
    const label = `${name}, ${left.recordCount} × ${right.recordCount} × ${left.byteLength} bytes at ${threshold}`;
    t.deepEqual(found.pairs, expected.pairs, label);
    t.is(found.comparisons, found.total, `progress of ${label}`);
  }
  return expected.pairs.scores.length;
}

test("this machine runs every kernel", (t) => {
  for (const name of KERNEL_NAMES) t.true(kernels.has(name), name);
});

test("all kernels agree on every width from 1 to 40 bytes", (t) => {
  const random = seededRandom(2);
  let found = 0;
  for (let byteLength = 1; byteLength <= 40; byteLength++) {
    const left = randomClks(random, { recordCount: 60, byteLength });
    const right = randomClks(random, { recordCount: 70, byteLength, base: left });
    for (const threshold of [0.95, 0.8, 0.5, 0.2]) found += sameAsReference(t, left, right, threshold);
  }
  t.true(found > 1000);
});

test("all kernels agree on common and wide CLKs, sparse to dense", (t) => {
  const random = seededRandom(3);
  for (const byteLength of [64, 127, 128, 129, 256, 503, 504, 505, 1024, 4096]) {
    for (const ones of byteLength === 128 ? [0.02, 0.2, 0.36, 0.5, 0.58, 0.9] : [0.1, 0.5]) {
      const recordCount = byteLength > 300 ? 40 : 150;
      const left = randomClks(random, { recordCount, byteLength, ones });
      const right = randomClks(random, { recordCount: recordCount + 9, byteLength, ones, base: left });
      for (const threshold of [1, 0.95, 0.9, 0.8, 0.7, 0.6, 0.45, 0.3, 0.05]) {
        sameAsReference(t, left, right, threshold);
      }
    }
  }
});

test("all kernels agree on more rows than a chunk or a block holds", (t) => {
  const random = seededRandom(4);
  const left = randomClks(random, { recordCount: 1100, byteLength: 16 });
  const right = randomClks(random, { recordCount: 1301, byteLength: 16, base: left });
  for (const threshold of [0.95, 0.8, 0.7]) t.true(sameAsReference(t, left, right, threshold) > 100);
});

test("data sets of many tiles give the same result, with complete progress", (t) => {
  const random = seededRandom(12);
  const left = randomClks(random, { recordCount: 700, byteLength: 16 });
  const right = randomClks(random, { recordCount: 900, byteLength: 16, base: left });
  for (const threshold of [1, 0.95, 0.8, 0.6]) {
    const expected = compareWith("reference", left, right, threshold);
    for (const name of fast) {
      const found = compareWith(name, left, right, threshold, {}, tiled);
      t.deepEqual(found.pairs, expected.pairs, `${name} at ${threshold}`);
      t.is(found.comparisons, found.total);
    }
  }
});

test("the comparison continues after a full match buffer is emptied", (t) => {
  // Every pair matches, which is more than any kernel's buffer holds.
  const left = clksOfPopcounts(new Array(700).fill(8), 1);
  const right = clksOfPopcounts(new Array(701).fill(8), 1);
  for (const name of fast) {
    const { pairs } = compareWith(name, left, right, 1);
    t.is(pairs.scores.length, 700 * 701, name);
    t.true(
      pairs.scores.every((score) => score === 1),
      name,
    );
    const distinct = new Set(
      Array.from(pairs.leftRecords, (record, n) => record * 701 + pairs.rightRecords[n]!),
    );
    t.is(distinct.size, 700 * 701, name);
  }
});

test("adversarial sets: empty and full rows, duplicates, one row, none", (t) => {
  const byteLength = 128;
  const random = seededRandom(5);
  const some = randomClks(random, { recordCount: 130, byteLength });
  const sets: Record<string, ClkDataset> = {
    none: createClkDataset(new Uint8Array(0), byteLength),
    one: randomClks(random, { recordCount: 1, byteLength }),
    zeros: clksOfPopcounts(new Array(129).fill(0), byteLength),
    ones: clksOfPopcounts(new Array(129).fill(1024), byteLength),
    mixed: clksOfPopcounts([0, 1024, 0, 1, 1023, 512, 512, 0], byteLength),
    stairs: clksOfPopcounts(
      Array.from({ length: 1025 }, (_, n) => n),
      byteLength,
    ),
    duplicates: randomClks(random, { recordCount: 260, byteLength, base: some, noise: 0 }),
    some,
  };
  for (const left of Object.values(sets)) {
    for (const right of Object.values(sets)) {
      for (const threshold of [1, 0.9, 0.55]) sameAsReference(t, left, right, threshold);
    }
  }
});

test("all kernels accept pairs that score exactly the threshold", (t) => {
  // Nested CLKs: the overlap is the smaller popcount a, so the scores are 2a / (a + b).
  const stairs = clksOfPopcounts(
    Array.from({ length: 257 }, (_, n) => n),
    32,
  );
  for (const [a, b] of [
    [19, 21],
    [3, 5],
    [9, 11],
    [57, 63],
    [13, 27],
    [100, 156],
    [1, 255],
  ] as const) {
    const threshold = (2 * a) / (a + b);
    for (const name of KERNEL_NAMES) {
      const { pairs } = compareWith(name, stairs, stairs, threshold);
      const exact = pairs.scores.filter((score) => score === threshold).length;
      const found = Array.from(pairs.scores).some(
        (_, n) => pairs.leftRecords[n] === a && pairs.rightRecords[n] === b,
      );
      t.true(found && exact >= 2, `${name} at ${a}, ${b}`);
    }
    sameAsReference(t, stairs, stairs, threshold);
  }
});

test("ranges and orders select rows, and results refer to records", (t) => {
  const random = seededRandom(6);
  const left = randomClks(random, { recordCount: 300, byteLength: 24 });
  const right = randomClks(random, { recordCount: 200, byteLength: 24, base: left });
  const pick = (count: number, of: number) =>
    Uint32Array.from({ length: count }, () => Math.floor(random() * of));
  for (let n = 0; n < 10; n++) {
    const orders = { left: [...new Set(pick(90, 300))], right: [...new Set(pick(70, 200))] };
    sameAsReference(t, left, right, 0.7, {
      left: Uint32Array.from(orders.left),
      right: Uint32Array.from(orders.right),
    });
  }
});

test("random block pairs: every kernel finds the same pairs as the reference", (t) => {
  const random = seededRandom(7);
  for (let round = 0; round < 30; round++) {
    const byteLength = [5, 8, 128][round % 3]!;
    const left = randomClks(random, { recordCount: 80, byteLength });
    const right = randomClks(random, { recordCount: 90, byteLength, base: left });
    const leftOrder = Uint32Array.from({ length: 300 }, () => Math.floor(random() * 80));
    const rightOrder = Uint32Array.from({ length: 300 }, () => Math.floor(random() * 90));
    const bounds = new Uint32Array(4 * 50);
    for (let n = 0; n < 50; n++) {
      const [l, r] = [Math.floor(random() * 290), Math.floor(random() * 290)];
      bounds.set([l, l + Math.floor(random() * 10), r, r + Math.floor(random() * 10)], 4 * n);
    }
    const results = KERNEL_NAMES.map((name) => {
      const kernel = kernels.get(name);
      const matches = new MatchCollector();
      const blocks = {
        left: { dataset: left, popcounts: kernel.popcounts(left) },
        right: { dataset: right, popcounts: kernel.popcounts(right) },
        ...{ leftOrder, rightOrder, bounds, from: 0, to: 50 },
      };
      for (const _ of kernel.compareBlocks(blocks, overlapLimits(0.6, byteLength), matches));
      return sorted(matches);
    });
    t.deepEqual(results[0], results[2]);
    t.deepEqual(results[1], results[2]);
  }
});

test("one kernel instance handles many comparisons of different widths", (t) => {
  const random = seededRandom(8);
  for (let round = 0; round < 40; round++) {
    const byteLength = 1 + Math.floor(random() * 200);
    const left = randomClks(random, {
      recordCount: 1 + Math.floor(random() * 200),
      byteLength,
      ones: random(),
    });
    const right = randomClks(random, {
      recordCount: 1 + Math.floor(random() * 200),
      byteLength,
      ones: random(),
      base: left,
      noise: random() * 0.2,
    });
    sameAsReference(t, left, right, random() || 1);
  }
});

test("the reference agrees with counting bits one by one", (t) => {
  const random = seededRandom(9);
  const left = randomClks(random, { recordCount: 25, byteLength: 7 });
  const right = randomClks(random, { recordCount: 25, byteLength: 7, base: left });
  const bits = (set: ClkDataset, record: number) =>
    Array.from({ length: 56 }, (_, bit) => (set.bytes[record * 7 + (bit >> 3)]! >> (bit & 7)) & 1);
  const expected: string[] = [];
  for (let l = 0; l < 25; l++) {
    for (let r = 0; r < 25; r++) {
      const [a, b] = [bits(left, l), bits(right, r)];
      const ones = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
      const score = (2 * ones(a.map((value, n) => value & b[n]!))) / (ones(a) + ones(b));
      if (score >= 0.5) expected.push(`${l} ${r} ${score}`);
    }
  }
  const { pairs } = compareWith("reference", left, right, 0.5);
  const found = Array.from(
    pairs.scores,
    (score, n) => `${pairs.leftRecords[n]} ${pairs.rightRecords[n]} ${score}`,
  );
  t.deepEqual(found.sort(), expected.sort());
});
