// anonlink from PyPI and our library on the same data: equal pairs, scores (bit for bit), order, files and groups.
import { readFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import {
  type CandidatePairs,
  candidateFileBytes,
  concatCandidatePairs,
  groupsToArrays,
  indexBlocks,
  KERNEL_NAMES,
  type KernelName,
  link,
  mergeCandidateFiles,
  parseCandidateFile,
  readClkBytes,
  splitIntoChunks,
} from "../../src/library/node.js";
import { clksOfPopcounts, randomClks, seededRandom } from "../random-clks.js";
import { fromBase64, Oracle, toBase64 } from "./oracle.js";

const oracle = new Oracle();
test.after.always(() => oracle.close());

type Blocks = string[][][];
type Similarity = "dice_coefficient_python" | "dice_coefficient_accelerated";

interface Linked {
  readonly pairs: CandidatePairs;
  readonly groups: string[];
  readonly file: Uint8Array;
}

/** Groups as a sorted list: the original's order of groups, and of records within them, is arbitrary. */
function asSet(groups: [number, number][][]): string[] {
  return groups
    .map((group) =>
      group
        .map(([party, row]) => `${party}:${row}`)
        .sort()
        .join(" "),
    )
    .sort();
}

async function anonlink(
  datasets: ClkDataset[],
  threshold: number,
  blocks: Blocks | undefined,
  similarity: Similarity,
): Promise<Linked> {
  const question = {
    ...{ ask: "link", byteLength: datasets[0]!.byteLength, threshold, similarity, blocks },
    datasets: datasets.map(({ bytes }) => toBase64(bytes)),
  };
  const answer = (await oracle.ask(question)) as Record<"scores" | "file", string> & {
    columns: string[];
    groups: [number, number][][];
  };
  const [leftDatasets, rightDatasets, leftRecords, rightRecords] = answer.columns.map(
    (column) => new Uint32Array(fromBase64(column).buffer),
  );
  return {
    pairs: {
      scores: new Float64Array(fromBase64(answer.scores).buffer),
      ...{ leftDatasets: leftDatasets!, rightDatasets: rightDatasets! },
      ...{ leftRecords: leftRecords!, rightRecords: rightRecords! },
    },
    groups: asSet(answer.groups),
    file: fromBase64(answer.file),
  };
}

async function ours(
  datasets: ClkDataset[],
  threshold: number,
  blocks: Blocks | undefined,
  kernel: KernelName,
  threads: number,
): Promise<Linked> {
  const inputs = datasets.map((dataset, n) =>
    blocks ? { dataset, blocks: indexBlocks(blocks[n]!) } : { dataset },
  );
  const { pairs, groups } = await link(inputs, { threshold, kernel, threads });
  return { pairs, groups: asSet(groupsToArrays(groups)), file: candidateFileBytes(pairs) };
}

/** Compares column by column, bit by bit, because ava's own comparison cannot handle arrays of this size. */
function sameColumns(
  t: ExecutionContext,
  found: CandidatePairs,
  expected: CandidatePairs,
  label: string,
): void {
  for (const name of ["scores", "leftDatasets", "rightDatasets", "leftRecords", "rightRecords"] as const) {
    const [a, b] = [found[name], expected[name]].map(({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer, byteOffset, byteLength),
    );
    t.true(a!.equals(b!), `${name} of ${label}`);
  }
}

/** Compares all kernels, with one thread and with two, with one result of anonlink; returns the number of pairs. */
async function sameAsAnonlink(
  t: ExecutionContext,
  datasets: ClkDataset[],
  threshold: number,
  similarity: Similarity,
  blocks?: Blocks,
): Promise<number> {
  const expected = await anonlink(datasets, threshold, blocks, similarity);
  for (const [kernel, threads] of KERNEL_NAMES.flatMap((name) => [[name, 1] as const, [name, 2] as const])) {
    const found = await ours(datasets, threshold, blocks, kernel, threads);
    const label = `${kernel}, ${threads} threads, ${datasets.map((set) => set.recordCount)} rows of ${datasets[0]!.byteLength} bytes at ${threshold}`;
    sameColumns(t, found.pairs, expected.pairs, label);
    t.deepEqual(found.groups, expected.groups, label);
    t.true(Buffer.from(found.file).equals(expected.file), `the candidate file of ${label}`);
  }
  sameColumns(t, parseCandidateFile(expected.file), expected.pairs, "their file, our reader");
  return expected.pairs.scores.length;
}

function febrl(): ClkDataset[] {
  return ["a", "b"].map((side) => {
    const file = new URL(`../data/febrl4-1k/clks-${side}.bin`, import.meta.url);
    return readClkBytes(readFileSync(file), { byteLength: 128 }).dataset;
  });
}

function randomBlocks(
  random: () => number,
  datasets: ClkDataset[],
  blockCount: number,
  most: number,
): Blocks {
  return datasets.map(({ recordCount }) =>
    Array.from({ length: recordCount }, () => [
      ...new Set(
        Array.from(
          { length: Math.floor(random() * (most + 1)) },
          () => `b${Math.floor(random() * blockCount)}`,
        ),
      ),
    ]),
  );
}

/** Data sets with people in common. */
function family(
  random: () => number,
  parties: number,
  recordCount: number,
  byteLength: number,
  ones: number,
) {
  const base = randomClks(random, { recordCount, byteLength, ones });
  return Array.from({ length: parties }, (_, n) =>
    randomClks(random, { recordCount: recordCount - 7 * n, byteLength, ones, base, noise: 0.04 }),
  );
}

test("febrl4-1k at several thresholds equals anonlink's C++", async (t) => {
  for (const [threshold, pairs] of [
    [0.9, 718],
    [0.8, 946],
    [0.7, 7215],
    [0.6, 761514],
  ] as const) {
    t.is(await sameAsAnonlink(t, febrl(), threshold, "dice_coefficient_accelerated"), pairs);
  }
});

test("febrl4-1k at .95 equals anonlink's Python, which keeps borderline pairs", async (t) => {
  t.is(await sameAsAnonlink(t, febrl(), 0.95, "dice_coefficient_python"), 472);
});

test("febrl4-1k in overlapping blocks equals anonlink", async (t) => {
  const random = seededRandom(1);
  const blocks = randomBlocks(random, febrl(), 30, 6);
  t.true((await sameAsAnonlink(t, febrl(), 0.7, "dice_coefficient_accelerated", blocks)) > 1000);
});

test("random data of many widths, densities and thresholds equals anonlink", async (t) => {
  const random = seededRandom(2);
  let pairs = 0;
  for (const byteLength of [1, 5, 8, 16, 40, 64, 128]) {
    for (const ones of [0.2, 0.4, 0.6]) {
      const datasets = family(random, 2, 90, byteLength, ones);
      for (const threshold of [1, 0.95, 0.75, 0.6, 0.3]) {
        pairs += await sameAsAnonlink(t, datasets, threshold, "dice_coefficient_python");
      }
    }
  }
  t.true(pairs > 10_000);
});

test("two to five parties equal anonlink, with and without overlapping blocks", async (t) => {
  const random = seededRandom(3);
  for (let parties = 2; parties <= 5; parties++) {
    for (const threshold of [0.85, 0.6, 0.5]) {
      const datasets = family(random, parties, 120, 16, 0.4);
      t.true((await sameAsAnonlink(t, datasets, threshold, "dice_coefficient_accelerated")) > 0);
      const blocks = randomBlocks(random, datasets, 12, 4);
      await sameAsAnonlink(t, datasets, threshold, "dice_coefficient_accelerated", blocks);
      const tiny = randomBlocks(random, datasets, 2000, 5);
      await sameAsAnonlink(t, datasets, threshold, "dice_coefficient_accelerated", tiny);
    }
  }
});

test("adversarial sets equal anonlink's Python", async (t) => {
  const random = seededRandom(4);
  const some = randomClks(random, { recordCount: 60, byteLength: 32 });
  const sets = {
    none: randomClks(random, { recordCount: 0, byteLength: 32 }),
    one: randomClks(random, { recordCount: 1, byteLength: 32 }),
    zeros: clksOfPopcounts(new Array(20).fill(0), 32),
    ones: clksOfPopcounts(new Array(20).fill(256), 32),
    stairs: clksOfPopcounts(
      Array.from({ length: 257 }, (_, n) => n),
      32,
    ),
    duplicates: randomClks(random, { recordCount: 130, byteLength: 32, base: some, noise: 0 }),
    some,
  };
  for (const left of Object.values(sets)) {
    for (const right of Object.values(sets)) {
      for (const threshold of [1, 0.95, 0.75, 2 / 3]) {
        await sameAsAnonlink(t, [left, right], threshold, "dice_coefficient_python");
      }
    }
  }
});

test("keeps the borderline pairs that anonlink's C++ loses", async (t) => {
  // Nested CLKs: record n has n bits set, so records 19 and 21 score exactly 0.95.
  const stairs = clksOfPopcounts(
    Array.from({ length: 65 }, (_, n) => n),
    8,
  );
  const keyOf = ({ pairs }: Linked) =>
    Array.from(pairs.scores, (score, n) => `${pairs.leftRecords[n]} ${pairs.rightRecords[n]} ${score}`);
  const theirs = keyOf(await anonlink([stairs, stairs], 0.95, undefined, "dice_coefficient_accelerated"));
  const found = new Set(keyOf(await ours([stairs, stairs], 0.95, undefined, "bit-sliced", 1)));
  t.true(found.has("19 21 0.95"));
  t.true(theirs.every((pair) => found.has(pair)));
  t.deepEqual(
    [...found],
    keyOf(await anonlink([stairs, stairs], 0.95, undefined, "dice_coefficient_python")),
  );
});

test("candidate files are interchangeable with anonlink's, and merge the same", async (t) => {
  const random = seededRandom(5);
  const files: Uint8Array[] = [];
  const all: CandidatePairs[] = [];
  for (let n = 0; n < 5; n++) {
    const { pairs, file } = await ours(family(random, 2 + (n % 3), 80, 16, 0.4), 0.5, undefined, "scalar", 1);
    // Each left record is in one file only, as with chunks, so that no pair is in two files.
    const shifted = { ...pairs, leftRecords: pairs.leftRecords.map((row) => row + 1000 * n) };
    all.push(shifted);
    files.push(candidateFileBytes(shifted));
    t.deepEqual(fromBase64(await oracle.ask({ ask: "rewrite", file: toBase64(files[n]!) })), files[n]!);
    t.deepEqual(fromBase64(await oracle.ask({ ask: "rewrite", file: toBase64(file) })), file);
  }
  const merged = fromBase64(await oracle.ask({ ask: "merge", files: files.map(toBase64) }));
  const batches: CandidatePairs[] = [];
  const streams = files.map(async function* (file) {
    yield file;
  });
  for await (const batch of mergeCandidateFiles(streams)) batches.push(batch);
  t.deepEqual(candidateFileBytes(concatCandidatePairs(batches)), merged);
  t.is(
    parseCandidateFile(merged).scores.length,
    all.reduce((sum, pairs) => sum + pairs.scores.length, 0),
  );
});

test("chunks equal anonlink's", async (t) => {
  const random = seededRandom(6);
  for (let round = 0; round < 300; round++) {
    const sizes = [1 + Math.floor(random() * 10 ** (1 + (round % 4))), 1 + Math.floor(random() * 5000)];
    const aim = 1 + Math.floor(random() ** 3 * sizes[0]! * sizes[1]!);
    if ((sizes[0]! * sizes[1]!) / aim > 20_000) continue;
    const expected = await oracle.ask({ ask: "chunks", sizes, aim });
    const chunks = [...splitIntoChunks(sizes[0]!, sizes[1]!, aim)].map(({ left, right }) => [left, right]);
    t.deepEqual(chunks as unknown, expected, `${sizes} by ${aim}`);
  }
});
