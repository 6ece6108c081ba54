import test from "ava";
import fc from "fast-check";
import { BlockIndexBuilder, countComparisons, indexBlocks, matchBlocks } from "../../src/core/blocks.js";
import { LinkageError } from "../../src/core/errors.js";

const block = fc.oneof(
  fc.integer({ min: -3, max: 12 }),
  fc.constantFrom("1", "2", "x", "é", "", "__proto__"),
);
const rows = fc.array(fc.array(block, { maxLength: 5 }), { maxLength: 20 });

/** The expected index, built with Maps and Sets. */
function oracle(input: readonly (readonly (string | number)[])[]): Map<string, number[]> {
  const index = new Map<string, Set<number>>();
  input.forEach((blocks, row) => {
    for (const name of blocks.map(String)) index.set(name, (index.get(name) ?? new Set()).add(row));
  });
  return new Map([...index].map(([name, records]) => [name, [...records].sort((a, b) => a - b)]));
}

function toMap(index: ReturnType<typeof indexBlocks>): Map<string, number[]> {
  return new Map(
    index.names.map((name, b) => [name, [...index.records.subarray(index.starts[b], index.starts[b + 1])]]),
  );
}

test("indexes rows as the oracle does", (t) => {
  fc.assert(
    fc.property(rows, (input) => {
      const index = indexBlocks(input);
      t.is(index.starts.length, index.names.length + 1);
      t.is(index.starts.at(-1), index.records.length);
      t.deepEqual([...toMap(index)], [...oracle(input)]);
    }),
  );
});

test("a number and its string are the same block, and a row counts once", (t) => {
  const index = indexBlocks([[1, "1", 1, -0], ["0"]]);
  t.deepEqual(index.names, ["1", "0"]);
  t.deepEqual(index.starts, Uint32Array.of(0, 1, 3));
  t.deepEqual(index.records, Uint32Array.of(0, 0, 1));
});

test("accepts memberships in any order", (t) => {
  const builder = new BlockIndexBuilder();
  for (const [row, name] of [
    [7, "a"],
    [3, "b"],
    [2, "a"],
    [7, "a"],
    [3, 5],
    [0, "a"],
  ] as const)
    builder.add(row, name);
  t.deepEqual(
    [...toMap(builder.build())],
    [
      ["a", [0, 2, 7]],
      ["b", [3]],
      ["5", [3]],
    ],
  );
});

test("matches names given as UTF-8 with names given as strings", (t) => {
  const builder = new BlockIndexBuilder();
  const names = ["plain", "größe", "\ufeffmark", "", "12"];
  names.forEach((name, row) => {
    builder.add(row, name);
    const bytes = new TextEncoder().encode(name);
    builder.addUtf8(row + 10, bytes, bytes.length);
    const padded = new TextEncoder().encode(`${name}zzz`);
    builder.addUtf8(row + 20, padded, bytes.length);
  });
  const index = builder.build();
  t.deepEqual(index.names, names);
  t.deepEqual([...index.records.subarray(0, 3)], [0, 10, 20]);
});

test("distinguishes many names, and names with equal hashes", (t) => {
  // FNV-1a keeps only its state, so two strings that lead from one state to the same next one are interchangeable.
  // Five such pairs in a row make 32 names with the same hash, more than the table probes.
  let state = 0x811c9dc5;
  let clashing = [""];
  for (let stage = 0; stage < 5; stage++) {
    const seen = new Map<number, string>();
    for (let i = 1; ; i++) {
      const text = Math.imul(i, 0x9e3779b1).toString(36) + Math.imul(i, 0x85ebca6b).toString(36);
      let after = state;
      for (let k = 0; k < text.length; k++) after = Math.imul(after ^ text.charCodeAt(k), 0x01000193);
      const other = seen.get(after);
      if (other !== undefined) {
        clashing = clashing.flatMap((name) => [name + text, name + other]);
        state = after;
        break;
      }
      seen.set(after, text);
    }
  }
  const names = [...clashing, ...Array.from({ length: 5000 }, (_, i) => `other ${i}`)];
  const input = names.map((name) => [name]);
  const index = indexBlocks([...input, ...input]);
  t.deepEqual(index.names, names);
  t.true(toMap(index).get(clashing[31]!)?.join() === `31,${31 + names.length}`);
  const builder = new BlockIndexBuilder();
  for (const [row, name] of [...names, ...names].entries()) {
    const bytes = new TextEncoder().encode(name);
    builder.addUtf8(row, bytes, bytes.length);
  }
  t.deepEqual(builder.build(), index);
  t.deepEqual(matchBlocks(index, index).right, Uint32Array.from(names.keys()));
});

for (const wrong of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, null, undefined, true, {}, 1n]) {
  test(`rejects the block ${typeof wrong} ${String(wrong)}`, (t) => {
    const error = t.throws(() => indexBlocks([[wrong as number]]), { instanceOf: LinkageError });
    t.is(error?.code, "invalid-dataset");
  });
}

test("matches blocks of the same name, in the order of the left side", (t) => {
  fc.assert(
    fc.property(rows, rows, (a, b) => {
      const left = indexBlocks(a);
      const right = indexBlocks(b);
      const expected = left.names.flatMap((name, i) => {
        const j = right.names.indexOf(name);
        return j < 0 ? [] : [[i, j]];
      });
      const matches = matchBlocks(left, right);
      t.deepEqual(
        [...matches.left].map((block, i) => [block, matches.right[i]]),
        expected,
      );
    }),
  );
});

test("counts the comparisons of each pair of data sets", (t) => {
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 4 }), (inputs) => {
      const maps = inputs.map(oracle);
      let expected = 0;
      maps.forEach((left, i) => {
        for (const right of maps.slice(i + 1)) {
          for (const [name, records] of left) expected += records.length * (right.get(name)?.length ?? 0);
        }
      });
      t.is(countComparisons(inputs.map(indexBlocks)), expected);
    }),
  );
  const large = { names: ["1"], starts: Uint32Array.of(0, 3_000_000_000), records: new Uint32Array(0) };
  t.is(countComparisons([large, { ...large, starts: Uint32Array.of(0, 1_000_000) }]), 3e15);
});
