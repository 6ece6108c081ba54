import { readFileSync } from "node:fs";
import test from "ava";
import fc from "fast-check";
import { createClkDataset } from "../../src/core/clk-dataset.js";
import { describeDataset } from "../../src/core/describe-dataset.js";

function datasetOf(rows: readonly (readonly number[])[], byteLength = rows[0]!.length) {
  return createClkDataset(Uint8Array.from(rows.flat()), byteLength);
}

test("describes real CLKs", (t) => {
  const files = ["a", "b"].map((name) => new URL(`../data/febrl4-1k/clks-${name}.bin`, import.meta.url));
  const both = describeDataset(createClkDataset(Buffer.concat(files.map((file) => readFileSync(file))), 128));
  t.is(both.recordCount, 2000);
  t.is(both.popcounts.min, 433);
  t.is(both.popcounts.max, 753);
  t.is(Math.round(both.popcounts.mean), 595);
  t.is(both.emptyCount + both.fullCount, 0);
  t.is(describeDataset(createClkDataset(readFileSync(files[0]!), 128)).warnings.length, 0);
});

test("agrees with a simple count", (t) => {
  const row = fc.array(fc.constantFrom(0, 1, 255, 7), { minLength: 3, maxLength: 3 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (rows) => {
      const bits = rows.map((bytes) => bytes.map((byte) => byte.toString(2).padStart(8, "0")).join(""));
      const sorted = bits.map((text) => text.replaceAll("0", "").length).sort((a, b) => a - b);
      const mean = sorted.reduce((sum, p) => sum + p, 0) / sorted.length;
      const found = describeDataset(datasetOf(rows));
      t.is(found.popcounts.min, sorted[0]!);
      t.is(found.popcounts.max, sorted.at(-1)!);
      t.true(Math.abs(found.popcounts.mean - mean) < 1e-9);
      const variance = sorted.reduce((sum, p) => sum + (p - mean) ** 2, 0) / sorted.length;
      t.true(Math.abs(found.popcounts.standardDeviation - Math.sqrt(variance)) < 1e-9);
      const middle = (sorted.length - 1) / 2;
      t.is(found.popcounts.median, (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2);
      t.is(found.popcounts.counts.length, 25);
      for (const p of [0, 1, 8, 24])
        t.is(found.popcounts.counts[p], sorted.filter((other) => other === p).length);
      t.is(found.duplicateCount, rows.length - new Set(bits).size);
      t.is(found.emptyCount, sorted.filter((p) => p === 0).length);
      t.is(found.fullCount, sorted.filter((p) => p === 24).length);
      const constant = [...Array(24).keys()].filter((i) => bits.every((text) => text[i] === bits[0]![i]));
      t.is(found.constantBitCount, rows.length > 1 ? constant.length : 0);
    }),
  );
});

test("interpolates quartiles between records", (t) => {
  const { popcounts } = describeDataset(datasetOf([[0], [1], [3], [255]]));
  t.is(popcounts.lowerQuartile, 0.75);
  t.is(popcounts.median, 1.5);
  t.is(popcounts.upperQuartile, 3.5);
});

test("counts duplicates among many rows", (t) => {
  const numbers = Array.from({ length: 30_000 }, (_, i) => (i * 7919) % 20_000);
  const rows = numbers.map((n) => [n & 255, n >> 8, 0, 0, 77, 78, 79]);
  t.is(describeDataset(datasetOf(rows)).duplicateCount, 10_000);
});

test("warns about suspicious data only", (t) => {
  const varied = Array.from({ length: 200 }, (_, i) => [i, 255 - i, (i * 91) & 255]);
  t.deepEqual(describeDataset(datasetOf(varied)).warnings, []);
  const warn = (rows: readonly (readonly number[])[]) => describeDataset(datasetOf(rows)).warnings.join("\n");
  t.regex(
    warn([
      [0, 0],
      [1, 15],
    ]),
    /^1 of 2 records has no bit set/,
  );
  t.regex(
    warn([
      [255, 255],
      [1, 15],
    ]),
    /^1 of 2 records has all bits set/,
  );
  t.regex(
    warn([
      [9, 9],
      [9, 9],
      [9, 9],
    ]),
    /^2 of 3 records equal an earlier record/,
  );
  t.regex(
    warn([
      [0, 1],
      [1, 0],
    ]),
    /only 6.3 % of the bits/,
  );
  t.regex(
    warn([
      [255, 254],
      [254, 255],
    ]),
    /93.8 % of the bits/,
  );
  t.regex(warn(varied.map((row) => [...row, 170])), /^8 of 32 bits are the same in all records/);
});

test("describes an empty data set", (t) => {
  const found = describeDataset(createClkDataset(new Uint8Array(0), 8));
  t.is(found.recordCount, 0);
  t.is(found.popcounts.mean, 0);
  t.is(found.duplicateCount, 0);
  t.deepEqual(found.warnings, ["The data set has no records."]);
});
