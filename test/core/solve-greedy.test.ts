import test from "ava";
import fc from "fast-check";
import type { CandidatePairs } from "../../src/core/candidate-pairs.js";
import { LinkageError } from "../../src/core/errors.js";
import { solveGreedyReference } from "../../src/core/reference/solve-greedy.js";
import { groupsToArrays, type SolveGreedyOptions, solveGreedy } from "../../src/core/solve-greedy.js";
import { mergeIntoGroups } from "../../src/core/solver/group-merger.js";

type Pair = [leftDataset: number, leftRow: number, rightDataset: number, rightRow: number];

/** Pairs with descending scores, in the given order; `step` 0 makes them all ties. */
function toCandidates(pairs: readonly Pair[], step = 0.001): CandidatePairs {
  const column = (place: 0 | 1 | 2 | 3) => Uint32Array.from(pairs, (pair) => pair[place]);
  return {
    scores: Float64Array.from(pairs, (_, i) => 1 - i * step),
    leftDatasets: column(0),
    leftRecords: column(1),
    rightDatasets: column(2),
    rightRecords: column(3),
  };
}

const solve = (pairs: readonly Pair[], options?: SolveGreedyOptions) =>
  groupsToArrays(solveGreedy(toCandidates(pairs), options));

const pairLists = (datasetCount: number, rowCount: number, maxLength: number) => {
  const dataset = fc.nat(datasetCount - 1);
  const row = fc.nat(rowCount - 1);
  return fc.array(fc.tuple(dataset, row, dataset, row), { maxLength, size: "max" });
};

test("no pairs give no groups", (t) => {
  const groups = solveGreedy(toCandidates([]));
  t.deepEqual(groups.starts, Uint32Array.of(0));
  t.deepEqual(groupsToArrays(groups), []);
});

test("groups are compact, sorted by their first record, and have sorted records", (t) => {
  const pairs: Pair[] = [
    [0, 9, 1, 1],
    [0, 2, 1, 7],
    [0, 2, 2, 0],
    [1, 7, 2, 0],
  ];
  const groups = solveGreedy(toCandidates(pairs));
  t.deepEqual(groups.starts, Uint32Array.of(0, 3, 5));
  t.deepEqual(groups.datasets, Uint32Array.of(0, 1, 2, 0, 1));
  t.deepEqual(groups.records, Uint32Array.of(2, 7, 0, 9, 1));
});

test("two parties: a record joins only one group", (t) => {
  const pairs: Pair[] = [
    [0, 0, 1, 0],
    [0, 0, 1, 1],
    [0, 1, 1, 0],
    [0, 1, 1, 1],
  ];
  t.deepEqual(solve(pairs), [
    [
      [0, 0],
      [1, 0],
    ],
    [
      [0, 1],
      [1, 1],
    ],
  ]);
});

test("two parties: groups are sorted by the data set with the lower index", (t) => {
  const pairs: Pair[] = [
    [5, 0, 3, 8],
    [5, 1, 3, 2],
  ];
  t.deepEqual(solve(pairs), [
    [
      [3, 2],
      [5, 1],
    ],
    [
      [3, 8],
      [5, 0],
    ],
  ]);
});

test("a record joins a group only after a pair with each of its members", (t) => {
  const incomplete: Pair[] = [
    [0, 0, 1, 0],
    [1, 0, 2, 0],
  ];
  t.deepEqual(solve(incomplete), [
    [
      [0, 0],
      [1, 0],
    ],
  ]);
  t.is(solve([...incomplete, [0, 0, 2, 0]])[0]!.length, 3);
});

test("a repeated or reversed pair counts once", (t) => {
  const incomplete: Pair[] = [
    [0, 0, 1, 0],
    [1, 0, 2, 0],
    [1, 0, 2, 0],
    [2, 0, 1, 0],
    [1, 0, 2, 0],
  ];
  t.is(solve(incomplete)[0]!.length, 2);
});

test("pairs seen before a merge count for the merged group", (t) => {
  // {a, b} and {c, d} form first; the four pairs between them follow one by one.
  const pairs: Pair[] = [
    [0, 0, 1, 0],
    [2, 0, 3, 0],
    [0, 0, 2, 0],
    [0, 0, 3, 0],
    [1, 0, 2, 0],
    [1, 0, 3, 0],
  ];
  t.is(solve(pairs.slice(0, 5)).length, 2);
  t.is(solve(pairs).length, 1);
});

test("two records of one data set may share a group; a record paired with itself has no effect", (t) => {
  const pairs: Pair[] = [
    [0, 0, 0, 0],
    [0, 0, 0, 1],
  ];
  t.deepEqual(solve(pairs), [
    [
      [0, 0],
      [0, 1],
    ],
  ]);
});

test("property: equals the reference, 1 to 5 data sets, with repeated and same-data-set pairs", (t) => {
  const lists = fc
    .tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(1, 2, 4, 10))
    .chain(([datasetCount, rowCount]) => pairLists(datasetCount, rowCount, 120));
  fc.assert(
    fc.property(lists, fc.constantFrom(0, 0.001), (pairs, step) => {
      const candidates = toCandidates(pairs, step);
      t.deepEqual(groupsToArrays(solveGreedy(candidates)), solveGreedyReference(candidates));
    }),
    { numRuns: 400 },
  );
});

test("property: almost all pairs of 24 records in any order give the reference's groups", (t) => {
  const records = Array.from({ length: 24 }, (_, i): [number, number] => [i % 5, Math.floor(i / 5)]);
  const all: Pair[] = records.flatMap((a, i) => records.slice(i + 1).map((b): Pair => [...a, ...b]));
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: all.length - 2 }), (pairs) => {
      const candidates = toCandidates(pairs);
      const groups = groupsToArrays(solveGreedy(candidates));
      t.deepEqual(groups, solveGreedyReference(candidates));
    }),
    { numRuns: 50 },
  );
});

test("property: many links and merges (a growing table with outdated entries)", (t) => {
  fc.assert(
    fc.property(pairLists(4, 60, 4000), (pairs) => {
      const candidates = toCandidates(pairs, 0);
      t.deepEqual(groupsToArrays(solveGreedy(candidates)), solveGreedyReference(candidates));
    }),
    { numRuns: 15 },
  );
});

test("property: for two data sets the one-to-one loop equals the general solver and the reference", (t) => {
  const row = fc.nat(12);
  const lists = fc.array(fc.tuple(row, row), { maxLength: 80 });
  fc.assert(
    fc.property(lists, fc.constantFrom([0, 1], [1, 0], [7, 2]), (rows, [left, right]) => {
      const pairs = rows.map(([a, b]): Pair => [left!, a, right!, b]);
      const fast = solve(pairs);
      // A pair of a record with itself has no effect, but makes the input ineligible for the loop.
      t.deepEqual(fast, solve([...pairs, [left!, 0, left!, 0]]));
      t.deepEqual(fast, solveGreedyReference(toCandidates(pairs)));
      t.true(fast.every((group) => group.length === 2));
    }),
    { numRuns: 300 },
  );
});

test("property: sparse rows and data sets, up to the largest index", (t) => {
  const dataset = fc.constantFrom(0, 1, 1023, 1024, 70_000, 2 ** 32 - 1);
  const row = fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 2, 2 ** 32 - 1);
  const lists = fc.oneof(
    fc.array(fc.tuple(dataset, row, dataset, row), { maxLength: 60 }),
    fc.array(fc.tuple(fc.constant(1024), row, fc.constant(3), row), { maxLength: 20 }),
  );
  fc.assert(
    fc.property(lists, (pairs) => {
      t.deepEqual(solve(pairs), solveGreedyReference(toCandidates(pairs)));
    }),
    { numRuns: 200 },
  );
});

test("the general solver returns one root for each group", (t) => {
  const roots = mergeIntoGroups(Uint32Array.of(0, 3), Uint32Array.of(2, 4), 6);
  t.is(roots[0], roots[2]);
  t.is(roots[3], roots[4]);
  t.not(roots[0], roots[3]);
  t.is(roots[1], 1);
  t.is(roots[5], 5);
});

test("rejects invalid input", (t) => {
  const good = toCandidates([
    [0, 3, 1, 4],
    [0, 4, 2, 2],
  ]);
  const refuse = (pairs: CandidatePairs, options: SolveGreedyOptions | undefined, message: RegExp) => {
    const error = t.throws(() => solveGreedy(pairs, options), { instanceOf: LinkageError, message });
    t.is(error.code, "invalid-candidates");
  };
  for (const name of ["leftDatasets", "rightDatasets", "leftRecords", "rightRecords"]) {
    const message = new RegExp(`^${name} has 3 values, but scores has 2\\.$`);
    refuse({ ...good, [name]: new Uint32Array(3) }, undefined, message);
  }
  refuse({ ...good, scores: Float64Array.of(0.5, 0.6) }, undefined, /score of pair 1 is 0\.6 after 0\.5\.$/);
  refuse({ ...good, scores: Float64Array.of(Number.NaN, 0.6) }, undefined, /score of pair 0 is NaN\.$/);
  refuse(good, { recordCounts: [4, 5, 3] }, /^The left record of pair 1 .* below 4.* data set 0, not 4\.$/);
  refuse(good, { recordCounts: [5, 4, 3] }, /^The right record of pair 0 .* below 4.* data set 1, not 4\.$/);
  refuse(good, { recordCounts: [5, 5] }, /^The right data set of pair 1 must be below 2/);
  t.notThrows(() => solveGreedy(good, { recordCounts: [5, 5, 3] }));
});
