import test from "ava";
import fc from "fast-check";
import {
  type BlockPair,
  type BlockPairChunk,
  MAX_BLOCK_PAIRS_PER_PACKAGE,
  packBlockStream,
  packBlocks,
  type RowRange,
  roundHalfToEven,
  splitIntoChunks,
} from "../../src/core/chunks.js";
import { LinkageError } from "../../src/core/errors.js";

/** Left count, right count, aim, and the borders that Python computes with anonlink's formula. */
const fromPython: [number, number, number, number[], number[]][] = [
  // The chunk counts and borders include halves: 5/2, 7/2, 25/√100, 35/√100, 15/2 …
  [5, 5, 4, [0, 2, 5], [0, 2, 3, 5]],
  [7, 7, 4, [0, 2, 4, 5, 7], [0, 2, 5, 7]],
  [25, 10, 100, [0, 12, 25], [0, 10]],
  [35, 10, 100, [0, 9, 18, 26, 35], [0, 10]],
  [15, 15, 36, [0, 8, 15], [0, 5, 10, 15]],
  [9, 5, 4, [0, 2, 4, 7, 9], [0, 2, 3, 5]],
  [3, 4, 1, [0, 1, 2, 3], [0, 1, 2, 3, 4]],
  [1, 50, 10, [0, 1], [0, 10, 20, 30, 40, 50]],
  [50, 1, 10, [0, 3, 6, 9, 12, 16, 19, 22, 25, 28, 31, 34, 38, 41, 44, 47, 50], [0, 1]],
  [3, 3, 1000, [0, 3], [0, 3]],
  [5, 2, 2, [0, 1, 2, 4, 5], [0, 2]],
  [10, 14, 9, [0, 3, 7, 10], [0, 3, 6, 8, 11, 14]],
  [45, 77, 100, [0, 11, 22, 34, 45], [0, 9, 17, 26, 34, 43, 51, 60, 68, 77]],
  [1000, 1000, 300000, [0, 500, 1000], [0, 500, 1000]],
  [13, 17, 16, [0, 4, 9, 13], [0, 3, 7, 10, 14, 17]],
  [11, 22, 16, [0, 4, 7, 11], [0, 4, 9, 13, 18, 22]],
  [30, 7, 144, [0, 15, 30], [0, 7]],
  [99, 101, 1000, [0, 33, 66, 99], [0, 34, 67, 101]],
  [1, 1, 1, [0, 1], [0, 1]],
  [6, 30, 16, [0, 3, 6], [0, 5, 10, 15, 20, 25, 30]],
  [100000, 100000, 3000000000, [0, 50000, 100000], [0, 50000, 100000]],
  [10, 9, 16, [0, 5, 10], [0, 3, 6, 9]],
  [2, 7, 2, [0, 2], [0, 1, 2, 3, 4, 5, 6, 7]],
];

for (const [leftCount, rightCount, aim, leftBorders, rightBorders] of fromPython) {
  test(`splits ${leftCount} × ${rightCount} rows into chunks of about ${aim} as anonlink does`, (t) => {
    const ranges = (borders: number[]) => borders.slice(1).map((to, i): RowRange => [borders[i]!, to]);
    const expected = ranges(leftBorders).flatMap((left) =>
      ranges(rightBorders).map((right) => ({ left, right })),
    );
    t.deepEqual([...splitIntoChunks(leftCount, rightCount, aim)], expected);
  });
}

test("rounds halves to the even neighbor", (t) => {
  const values = [
    0, 0.5, 1.5, 2.5, 3.5, 0.49999999999999994, 2.4999999999999996, 2.5000000000000004, 4503599627370495.5,
  ];
  t.deepEqual(values.map(roundHalfToEven), [0, 0, 2, 2, 4, 0, 2, 3, 4503599627370496]);
});

test("property: chunks tile the rectangle exactly, none empty and none far above the aim", (t) => {
  const count = fc.integer({ min: 1, max: 80 });
  fc.assert(
    fc.property(count, count, fc.integer({ min: 1, max: 3000 }), (leftCount, rightCount, aim) => {
      const covered = new Uint8Array(leftCount * rightCount);
      for (const { left, right } of splitIntoChunks(leftCount, rightCount, aim)) {
        const comparisonCount = (left[1] - left[0]) * (right[1] - right[0]);
        t.true(comparisonCount > 0);
        t.true(comparisonCount <= 4 * aim);
        for (let row = left[0]; row < left[1]; row++) {
          for (let column = right[0]; column < right[1]; column++) covered[row * rightCount + column]!++;
        }
      }
      t.true(covered.every((times) => times === 1));
    }),
    { numRuns: 300 },
  );
});

test("a side without rows gives no chunks; large counts are split lazily", (t) => {
  t.deepEqual([...splitIntoChunks(0, 5, 10)], []);
  t.deepEqual([...splitIntoChunks(5, 0, 10)], []);
  t.deepEqual(splitIntoChunks(2 ** 32 - 1, 2 ** 32 - 1, 1).next().value, { left: [0, 1], right: [0, 1] });
});

const pairOf = (blockId: string, leftCount: number, rightCount: number): BlockPair => ({
  left: { datasetIndex: 0, blockId, recordCount: leftCount },
  right: { datasetIndex: 1, blockId, recordCount: rightCount },
});

const describePackage = (chunks: BlockPairChunk[]) =>
  chunks.map(([left, right]) => `${left.blockId} ${left.range.join("-")} × ${right.range.join("-")}`);

test("packs small block pairs up to the aim, and splits large ones", (t) => {
  const pairs = [
    pairOf("a", 2, 3),
    pairOf("b", 2, 2),
    pairOf("c", 1, 1),
    pairOf("d", 4, 4),
    pairOf("e", 1, 10),
  ];
  t.deepEqual([...packBlocks(pairs, 10)].map(describePackage), [
    ["a 0-2 × 0-3", "b 0-2 × 0-2"],
    ["c 0-1 × 0-1"],
    ["d 0-4 × 0-2"],
    ["d 0-4 × 2-4"],
    ["e 0-1 × 0-10"],
  ]);
});

test("a chunk names the data sets, blocks and ranges of its two sides", (t) => {
  const pair: BlockPair<number> = {
    left: { datasetIndex: 1, blockId: 71, recordCount: 3 },
    right: { datasetIndex: 4, blockId: 98, recordCount: 2 },
  };
  t.deepEqual(
    [...packBlocks([pair], 6)],
    [
      [
        [
          { datasetIndex: 1, blockId: 71, range: [0, 3] },
          { datasetIndex: 4, blockId: 98, range: [0, 2] },
        ],
      ],
    ],
  );
});

test("a package holds at most 100,000 block pairs", (t) => {
  const pair = pairOf("a", 1, 1);
  const pairs = Array.from({ length: 2 * MAX_BLOCK_PAIRS_PER_PACKAGE + 1 }, () => pair);
  const lengths = [...packBlocks(pairs, 1_000_000_000)].map((chunks) => chunks.length);
  t.deepEqual(lengths, [100_000, 100_000, 1]);
});

test("skips block pairs without rows", (t) => {
  t.deepEqual([...packBlocks([pairOf("a", 0, 5), pairOf("b", 5, 0)], 10)], []);
  t.deepEqual([...packBlocks([], 10)], []);
});

test("reads block pairs lazily", (t) => {
  let readCount = 0;
  function* pairs() {
    for (;;) {
      readCount++;
      yield pairOf("a", 1, 1);
    }
  }
  t.is(packBlocks(pairs(), 5).next().value!.length, 5);
  t.is(readCount, 6);
});

test("property: packages cover each comparison once, and group only whole blocks within the aim", (t) => {
  const count = fc.nat(12);
  const lists = fc.array(fc.tuple(count, count), { maxLength: 30 });
  fc.assert(
    fc.property(lists, fc.integer({ min: 1, max: 60 }), (counts, aim) => {
      const pairs = counts.map(([left, right], i) => pairOf(`${i}`, left, right));
      const comparisonCounts = counts.map(() => 0);
      for (const chunks of packBlocks(pairs, aim)) {
        let packed = 0;
        for (const [left, right] of chunks) {
          const comparisonCount = (left.range[1] - left.range[0]) * (right.range[1] - right.range[0]);
          const block = Number(left.blockId);
          comparisonCounts[block]! += comparisonCount;
          packed += comparisonCount;
          if (chunks.length > 1) t.is(comparisonCount, counts[block]![0] * counts[block]![1]);
        }
        t.true(packed > 0);
        if (chunks.length > 1) t.true(packed <= aim);
      }
      t.deepEqual(
        comparisonCounts,
        counts.map(([left, right]) => left * right),
      );
    }),
    { numRuns: 300 },
  );
});

test("rejects invalid options at once", (t) => {
  const refuse = (act: () => unknown, message: RegExp) => {
    const error = t.throws(act, { instanceOf: LinkageError, message });
    t.is(error.code, "invalid-option");
  };
  for (const aim of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    refuse(() => splitIntoChunks(1, 1, aim), /^aim must be a whole number of at least 1, not /);
    refuse(() => packBlocks([], aim), /^aim must be a whole number of at least 1, not /);
  }
  refuse(() => splitIntoChunks(-1, 1, 1), /^leftCount must be .* at least 0, not -1\.$/);
  refuse(() => splitIntoChunks(1, 0.5, 1), /^rightCount must be .* at least 0, not 0\.5\.$/);
  refuse(() => packBlocks([pairOf("a", 1, -2)], 1).next(), /^recordCount must be .* at least 0, not -2\.$/);
});

test("packs block pairs from a stream as those from a list", async (t) => {
  const side = (datasetIndex: number, blockId: string, recordCount: number) => ({
    datasetIndex,
    blockId,
    recordCount,
  });
  const pairs = [5, 1, 30, 0, 7, 7, 100, 2, 3].map((count, n) => ({
    left: side(0, `l${n}`, count),
    right: side(1, `r${n}`, (3 * count) % 11),
  }));
  async function* stream() {
    yield* pairs;
  }
  for (const aim of [1, 20, 50, 1_000_000]) {
    const packages = [];
    for await (const chunks of packBlockStream(stream(), aim)) packages.push(chunks);
    t.deepEqual(packages, [...packBlocks(pairs, aim)]);
  }
  t.throws(() => packBlockStream(stream(), 0), { instanceOf: LinkageError });
});
