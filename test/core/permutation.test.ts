import test from "ava";
import fc from "fast-check";
import { LinkageError } from "../../src/core/errors.js";
import { cryptoRandomBelow, permuteGroups, type RandomBelow } from "../../src/core/permutation.js";
import type { Groups } from "../../src/core/solve-greedy.js";

function toGroups(groups: readonly (readonly (readonly [number, number])[])[]): Groups {
  const starts = [0];
  for (const group of groups) starts.push(starts.at(-1)! + group.length);
  return {
    starts: Uint32Array.from(starts),
    datasets: Uint32Array.from(groups.flat(), ([dataset]) => dataset),
    records: Uint32Array.from(groups.flat(), ([, row]) => row),
  };
}

/** A small seeded generator (mulberry32). */
function seededRandom(seed: number): RandomBelow {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
}

const cases = fc.tuple(fc.nat(20), fc.nat(20), fc.nat()).chain(([n0, n1, seed]) => {
  const rows = (count: number) => fc.shuffledSubarray(Array.from({ length: count }, (_, i) => i));
  return fc.record({
    recordCounts: fc.constant([n0, n1] as const),
    groups: fc.tuple(rows(n0), rows(n1)).map(([left, right]) => {
      const count = Math.min(left.length, right.length);
      return left.slice(0, count).map((row, i) => [[0, row] as const, [1, right[i]!] as const]);
    }),
    seed: fc.constant(seed),
  });
});

test("property: permutations are bijections that agree exactly where the mask is set", (t) => {
  fc.assert(
    fc.property(cases, fc.boolean(), ({ recordCounts, groups, seed }, isSeeded) => {
      const random = isSeeded ? seededRandom(seed) : undefined;
      const { permutations, mask } = permuteGroups(toGroups(groups), recordCounts, random);
      t.is(mask.length, Math.min(...recordCounts));
      permutations.forEach((permutation, party) => {
        const sorted = permutation.slice().sort();
        t.deepEqual(
          sorted,
          Uint32Array.from({ length: recordCounts[party]! }, (_, i) => i),
        );
      });
      const marked = new Uint8Array(mask.length);
      for (const [[, left], [, right]] of groups as [[number, number], [number, number]][]) {
        t.is(permutations[0][left], permutations[1][right]);
        marked[permutations[0][left]!] = 1;
      }
      t.deepEqual(mask, marked);
    }),
    { numRuns: 300 },
  );
});

test("the same random numbers give the same permutations", (t) => {
  const groups = toGroups([
    [
      [0, 1],
      [1, 0],
    ],
  ]);
  t.deepEqual(permuteGroups(groups, [5, 4], seededRandom(3)), permuteGroups(groups, [5, 4], seededRandom(3)));
});

test("the records of a group can be in either order", (t) => {
  const { permutations, mask } = permuteGroups(
    toGroups([
      [
        [1, 0],
        [0, 1],
      ],
    ]),
    [2, 1],
    seededRandom(1),
  );
  t.deepEqual(mask, Uint8Array.of(1));
  t.is(permutations[0][1], 0);
  t.is(permutations[1][0], 0);
});

test("every outcome is equally likely", (t) => {
  // One group, record counts 2 and 3. Its position is 0 or 1, which determines that of the other left record; the other
  // two right records can be in either order.
  const random = seededRandom(42);
  const counts = new Map<string, number>();
  const groups = toGroups([
    [
      [0, 1],
      [1, 2],
    ],
  ]);
  for (let i = 0; i < 4000; i++) {
    const { permutations } = permuteGroups(groups, [2, 3], random);
    const outcome = permutations.map((permutation) => permutation.join()).join("/");
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  t.is(counts.size, 4);
  for (const count of counts.values()) t.true(count > 850 && count < 1150, `${count} of 4000`);
});

test("the default random source returns every number below the limit", (t) => {
  const random = cryptoRandomBelow();
  for (const limit of [1, 2, 3, 10]) {
    const seen = new Set(Array.from({ length: 1000 }, () => random(limit)));
    t.deepEqual(
      [...seen].sort((a, b) => a - b),
      Array.from({ length: limit }, (_, i) => i),
    );
  }
  const largest = random(2 ** 32);
  t.true(Number.isInteger(largest) && largest < 2 ** 32);
});

test("rejects invalid input", (t) => {
  const refuse = (message: RegExp, ...parameters: Parameters<typeof permuteGroups>) => {
    const error = t.throws(() => permuteGroups(...parameters), { instanceOf: LinkageError, message });
    t.is(error.code, "invalid-option");
  };
  const pair = (left: number, right: number) => [[0, left] as const, [1, right] as const];
  refuse(
    /^Group 1 must have one record of data set 0 and one of data set 1, not /,
    toGroups([pair(0, 0), [...pair(1, 1), [1, 2]]]),
    [3, 3],
  );
  refuse(/^Group 0 must .*, not 2 of data sets 0, 0\.$/, toGroups([[[0, 0], [0, 1]]]), [3, 3]); // biome-ignore format: short
  refuse(/^Group 0 must .*, not 2 of data sets 0, 2\.$/, toGroups([[[0, 0], [2, 1]]]), [3, 3]); // biome-ignore format: short
  refuse(/^The record of data set 1 in group 0 must .* below 3 .*, not 3\.$/, toGroups([pair(0, 3)]), [3, 3]);
  refuse(/^The record of data set 0 in group 1 .*, not 0\.$/, toGroups([pair(0, 0), pair(0, 1)]), [3, 3]);
  refuse(/^The record of data set 1 in group 1 .*, not 0\.$/, toGroups([pair(0, 0), pair(1, 0)]), [3, 1]);
  refuse(/^recordCounts\[1\] must be .*, not -1\.$/, toGroups([]), [3, -1]);
  refuse(/^recordCounts\[0\] must be .*, not 4294967296\.$/, toGroups([]), [2 ** 32, 1]);
  refuse(/^random must return a whole number from 0 to 2, not 3\.$/, toGroups([]), [3, 3], (limit) => limit);
  refuse(/^random must return .*, not 0\.5\.$/, toGroups([]), [3, 3], () => 0.5);
});

test("empty data sets have empty permutations", (t) => {
  t.deepEqual(permuteGroups(toGroups([]), [0, 0]), {
    permutations: [new Uint32Array(0), new Uint32Array(0)],
    mask: new Uint8Array(0),
  });
  t.deepEqual(permuteGroups(toGroups([]), [0, 2]).permutations[1].slice().sort(), Uint32Array.of(0, 1));
});
