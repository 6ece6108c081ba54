import test from "ava";
import fc from "fast-check";
import {
  type CandidatePairs,
  candidateCount,
  compareCandidates,
  concatCandidatePairs,
  dropDuplicates,
  emptyCandidatePairs,
  isSorted,
  sliceCandidatePairs,
} from "../../src/core/candidate-pairs.js";
import { takeBestPerLeftRecord } from "../../src/core/candidates/best-candidates.js";
import { mergeCandidatePairs } from "../../src/core/candidates/merge-candidates.js";
import { sortCandidatePairs, withDatasets } from "../../src/core/candidates/sort-candidates.js";
import { sortSimilarPairs } from "../../src/core/candidates/sort-similar-pairs.js";
import { LinkageError } from "../../src/core/errors.js";

/** Score, left and right data set, left and right record. The oracle works on these tuples. */
type Row = [number, number, number, number, number];

function toPairs(rows: readonly Row[]): CandidatePairs {
  return {
    scores: Float64Array.from(rows, (row) => row[0]),
    leftDatasets: Uint32Array.from(rows, (row) => row[1]),
    rightDatasets: Uint32Array.from(rows, (row) => row[2]),
    leftRecords: Uint32Array.from(rows, (row) => row[3]),
    rightRecords: Uint32Array.from(rows, (row) => row[4]),
  };
}

function toRows(pairs: CandidatePairs): Row[] {
  return Array.from(pairs.scores, (score, i) => [
    score,
    pairs.leftDatasets[i]!,
    pairs.rightDatasets[i]!,
    pairs.leftRecords[i]!,
    pairs.rightRecords[i]!,
  ]);
}

function compareRows(a: Row, b: Row): number {
  if (a[0] !== b[0]) return a[0] > b[0] ? -1 : 1;
  return a[1] - b[1] || a[2] - b[2] || a[3] - b[3] || a[4] - b[4];
}

const sortRows = (rows: readonly Row[]) => [...rows].sort(compareRows);

/** A small seeded generator, for lists too long for fast-check to build. */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const anyScore = fc.oneof(
  fc.constantFrom(0, -0, 0.5, 0.75, 1, 2 / 3),
  fc.double({ noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.integer({ min: 0, max: 2048 }).map((overlap) => overlap / 2048),
);
const anyIndex = fc.oneof(fc.nat(3), fc.nat(30_000), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
const anyRow = fc.tuple(anyScore, fc.nat(2), fc.nat(2), anyIndex, anyIndex) as fc.Arbitrary<Row>;
const anyRows = fc.array(anyRow, { maxLength: 60 });

test("compareCandidates is a total order", (t) => {
  fc.assert(
    fc.property(anyRow, anyRow, (a, b) => {
      const pairs = toPairs([a, b]);
      t.is(Math.sign(compareCandidates(pairs, 0, pairs, 1)), Math.sign(compareRows(a, b)));
    }),
  );
});

test("sorting equals a sort by comparison, for any scores and parties", (t) => {
  fc.assert(
    fc.property(anyRows, (rows) => {
      const sorted = sortCandidatePairs(toPairs(rows));
      t.deepEqual(toRows(sorted), sortRows(rows));
      t.true(isSorted(sorted));
    }),
  );
});

test("sorting returns a copy and leaves its input unchanged", (t) => {
  const rows: Row[] = [
    [0.5, 0, 1, 1, 1],
    [1, 0, 1, 0, 0],
  ];
  const pairs = toPairs(rows);
  sortCandidatePairs(pairs).scores.fill(0);
  t.deepEqual(toRows(pairs), rows);
  const sorted = toPairs(sortRows(rows));
  t.not(sortCandidatePairs(sorted).scores, sorted.scores);
});

const scoreKinds: Record<string, (random: () => number) => number> = {
  "Dice scores": (random) => {
    const sum = 1100 + Math.floor(random() * 200);
    return (2 * Math.floor((sum / 2) * (0.6 + 0.4 * random() ** 4))) / sum;
  },
  "equal scores": () => 0.75,
  "few scores": (random) => Math.floor(random() * 4) / 4,
  "any doubles below 1": (random) => random(),
  "doubles on one key": (random) => (random() < 0.01 ? Math.round(random()) : 0.5 + random() * 1e-13),
  "doubles of any size": (random) => (random() - 0.5) * 10 ** Math.floor(random() * 600 - 300),
  "denormal doubles": (random) => Math.floor(random() * 10) * Number.MIN_VALUE,
  "the largest range": (random) => (random() - 0.5) * 2 * Number.MAX_VALUE,
  "also infinite": (random) => [-Infinity, 0.5, random(), Infinity][Math.floor(random() * 4)]!,
};

const indexKinds: Record<string, (i: number, random: () => number) => [number, number]> = {
  "row-major": (i) => [Math.floor(i / 50), i % 50],
  "row-major with repeats": (i) => [Math.floor(i / 100), (i % 100) >>> 1],
  "in any order": (_, random) => [Math.floor(random() * 20_000), Math.floor(random() * 20_000)],
  "over 32 bits": (_, random) => [Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)],
  "of a far chunk": (_, random) => [
    2 ** 32 - 1 - Math.floor(random() * 9),
    2 ** 31 + Math.floor(random() * 70),
  ],
  "with one left record": (_, random) => [7, Math.floor(random() * 3000)],
  "with one right record": (_, random) => [Math.floor(random() * 2), 0],
};

for (const [scoreKind, score] of Object.entries(scoreKinds)) {
  for (const [indexKind, index] of Object.entries(indexKinds)) {
    test(`sorts long lists: ${scoreKind}, records ${indexKind}`, (t) => {
      const random = makeRandom(scoreKind.length * 100 + indexKind.length);
      for (const count of [255, 256, 3000]) {
        const rows = Array.from({ length: count }, (_, i): Row => [score(random), 0, 1, ...index(i, random)]);
        const pairs = toPairs(rows);
        const expected = toPairs(sortRows(rows));
        t.deepEqual(
          withDatasets(sortSimilarPairs(pairs.scores, pairs.leftRecords, pairs.rightRecords), 0, 1),
          expected,
        );
        t.deepEqual(sortCandidatePairs(pairs), expected);
      }
    });
  }
}

const ascendingKinds: Record<string, (i: number) => [number, number]> = {
  "of a block": (i) => [Math.floor(i / 300), i % 300],
  "with repeats": (i) => [Math.floor(i / 600), (i % 600) >>> 1],
  "of a far chunk": (i) => [2 ** 32 - 1000 + Math.floor(i / 300), 2 ** 20 + (i % 300)],
  "of 31 bits on the right": (i) => [9 + Math.floor(i / 40_000), 2 ** 31 - 40_000 + (i % 40_000)],
  "of 32 bits on the right": (i) => [7, 2 ** 32 - 80_000 + i],
  "of 32 bits on the left": (i) => [i * 50_000, 0],
  "over 32 bits": (i) => [i * 1000, i % 300],
};

const manyScoreKinds: Record<string, (i: number, random: () => number) => number> = {
  "Dice scores": (_, random) => scoreKinds["Dice scores"]!(random),
  "equal scores": () => 0.75,
  "scores on one key": (i) => (i % 1000 === 0 ? 1 : 0.5 + (i % 7) * 2 ** -40),
  "a late score on a taken key": (i) => (i === 69_999 ? 0.6 + 2 ** -40 : 0.6 + (i % 40) / 100),
  "too many scores": (i) => 0.5 + ((i * 7919) % 70_000) / 2 ** 18,
  "−0 and 0": (i) => [0, -0, 0.25, 0.5][(i * 7) % 4]!,
  "negative scores": (i) => ((i * 7) % 5) / 8 - 1,
};

for (const [scoreKind, score] of Object.entries(manyScoreKinds)) {
  test(`sorts many ascending pairs: ${scoreKind}`, (t) => {
    const random = makeRandom(11);
    const indices = Object.values(ascendingKinds);
    for (const index of scoreKind === "Dice scores" ? indices : indices.slice(0, 2)) {
      const rows = Array.from({ length: 70_000 }, (_, i): Row => [score(i, random), 0, 1, ...index(i)]);
      const pairs = toPairs(rows);
      const expected = toPairs(sortRows(rows));
      const sorted = sortSimilarPairs(pairs.scores, pairs.leftRecords, pairs.rightRecords);
      // Column by column, because t.deepEqual takes seconds for this many; −0 differs from 0.
      t.true(sorted.scores.every((value, i) => Object.is(value, expected.scores[i])));
      t.true(sorted.leftRecords.every((left, i) => left === expected.leftRecords[i]));
      t.true(sorted.rightRecords.every((right, i) => right === expected.rightRecords[i]));
    }
  });
}

test("sorts long lists of several parties, few or very many", (t) => {
  const random = makeRandom(5);
  const upTo = (limit: number) => Math.floor(random() * limit);
  for (const parties of [3, 10, 100, 2 ** 32]) {
    const rows = Array.from(
      { length: 4000 },
      (): Row => [upTo(50) / 50, upTo(parties), upTo(parties), upTo(9), upTo(9)],
    );
    t.deepEqual(sortCandidatePairs(toPairs(rows)), toPairs(sortRows(rows)));
  }
});

test("rejects columns of different lengths", (t) => {
  const pairs = { ...emptyCandidatePairs(), leftRecords: new Uint32Array(1) };
  const columns = t.throws(() => sortCandidatePairs(pairs), { instanceOf: LinkageError });
  t.is(columns?.code, "invalid-candidates");
  const similar = () => sortSimilarPairs(new Float64Array(1), new Uint32Array(1), new Uint32Array(2));
  t.is(t.throws(similar, { instanceOf: LinkageError })?.code, "invalid-candidates");
});

test("merging sorted lists equals sorting all of them", (t) => {
  fc.assert(
    fc.property(fc.array(anyRows, { maxLength: 12 }), (lists) => {
      const merged = mergeCandidatePairs(lists.map((rows) => toPairs(sortRows(rows))));
      t.deepEqual(toRows(merged), sortRows(lists.flatMap(sortRows)));
    }),
  );
});

test("merging is stable: −0 and 0 keep the order of their lists", (t) => {
  const merged = mergeCandidatePairs([toPairs([[0, 0, 1, 0, 0]]), toPairs([[-0, 0, 1, 0, 0]])]);
  t.deepEqual([...merged.scores], [0, -0]);
});

test("isSorted detects any unsorted pair, and NaN", (t) => {
  fc.assert(
    fc.property(anyRows, (rows) => {
      const expected = rows.every((row, i) => i === 0 || compareRows(rows[i - 1]!, row) <= 0);
      t.is(isSorted(toPairs(rows)), expected);
    }),
  );
  t.false(
    isSorted(
      toPairs([
        [1, 0, 1, 0, 0],
        [Number.NaN, 0, 1, 0, 0],
      ]),
    ),
  );
});

test("dropDuplicates keeps each pair once", (t) => {
  const narrow = fc.tuple(fc.constantFrom(0.5, 1), fc.nat(1), fc.nat(1), fc.nat(1), fc.nat(2));
  fc.assert(
    fc.property(fc.array(narrow as fc.Arbitrary<Row>, { maxLength: 50 }), (rows) => {
      const unique = [...new Map(sortRows(rows).map((row) => [row.join(), row])).values()];
      t.deepEqual(toRows(dropDuplicates(toPairs(sortRows(rows)))), unique);
    }),
  );
});

test("concatenates and slices", (t) => {
  fc.assert(
    fc.property(anyRows, anyRows, fc.nat(70), fc.nat(70), (a, b, from, to) => {
      const all = concatCandidatePairs([toPairs(a), emptyCandidatePairs(), toPairs(b)]);
      t.is(candidateCount(all), a.length + b.length);
      t.deepEqual(toRows(all), [...a, ...b]);
      t.deepEqual(toRows(sliceCandidatePairs(all, from, to)), [...a, ...b].slice(from, to));
    }),
  );
  t.deepEqual(concatCandidatePairs([]), emptyCandidatePairs());
});

test("takeBestPerLeftRecord keeps the first k of each left record and pair of data sets", (t) => {
  fc.assert(
    fc.property(anyRows, fc.integer({ min: 1, max: 4 }), (rows, k) => {
      const counts = new Map<string, number>();
      const best = sortRows(rows).filter(([, leftDataset, rightDataset, leftRecord]) => {
        const key = `${leftDataset} ${rightDataset} ${leftRecord}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        return counts.get(key)! <= k;
      });
      t.deepEqual(toRows(takeBestPerLeftRecord(toPairs(sortRows(rows)), k)), best);
    }),
  );
});

test("takeBestPerLeftRecord rejects an invalid k", (t) => {
  for (const k of [0, -1, 1.5, Number.NaN, Infinity, "1" as unknown as number]) {
    const error = t.throws(() => takeBestPerLeftRecord(emptyCandidatePairs(), k), {
      instanceOf: LinkageError,
    });
    t.is(error?.code, "invalid-option");
  }
});
