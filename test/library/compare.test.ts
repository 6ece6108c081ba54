import test from "ava";
import { splitIntoChunks } from "../../src/core/chunks.js";
import { type ClkDataset, createClkDataset } from "../../src/core/clk-dataset.js";
import {
  type BlockIndex,
  type CandidatePairs,
  closeThreads,
  compare,
  type ErrorCode,
  findCandidatePairs,
  indexBlocks,
  KERNEL_NAMES,
  LinkageError,
  mergeCandidatePairs,
} from "../../src/library/node.js";
import { clksOfPopcounts, randomClks, seededRandom } from "../random-clks.js";

/** The expected pairs, in the total order: those of the reference kernel that share a block. */
async function oracle(
  inputs: { dataset: ClkDataset; blocks?: BlockIndex }[],
  threshold: number,
): Promise<CandidatePairs> {
  const lists: CandidatePairs[] = [];
  for (let i = 0; i < inputs.length; i++) {
    for (let j = i + 1; j < inputs.length; j++) {
      const { pairs } = await compare(inputs[i]!.dataset, inputs[j]!.dataset, {
        threshold,
        kernel: "reference",
        threads: 1,
      });
      const keep = Array.from(pairs.scores.keys()).filter((n) =>
        shareBlock(inputs[i]!.blocks, pairs.leftRecords[n]!, inputs[j]!.blocks, pairs.rightRecords[n]!),
      );
      lists.push({
        scores: Float64Array.from(keep, (n) => pairs.scores[n]!),
        leftDatasets: new Uint32Array(keep.length).fill(i),
        rightDatasets: new Uint32Array(keep.length).fill(j),
        leftRecords: Uint32Array.from(keep, (n) => pairs.leftRecords[n]!),
        rightRecords: Uint32Array.from(keep, (n) => pairs.rightRecords[n]!),
      });
    }
  }
  return mergeCandidatePairs(lists);
}

function blocksOf(index: BlockIndex, record: number): string[] {
  return index.names.filter((_, b) =>
    index.records.subarray(index.starts[b], index.starts[b + 1]).includes(record),
  );
}

function shareBlock(
  left: BlockIndex | undefined,
  l: number,
  right: BlockIndex | undefined,
  r: number,
): boolean {
  if (left === undefined || right === undefined) return true;
  const names = new Set(blocksOf(left, l));
  return blocksOf(right, r).some((name) => names.has(name));
}

function sample(seed: number, recordCount = 400, byteLength = 32): [ClkDataset, ClkDataset] {
  const random = seededRandom(seed);
  const left = randomClks(random, { recordCount, byteLength });
  return [left, randomClks(random, { recordCount: recordCount + 37, byteLength, base: left })];
}

test.after.always(() => closeThreads());

test("results do not depend on the number of threads or on the kernel", async (t) => {
  const [left, right] = sample(1, 1500);
  for (const threshold of [0.9, 0.7]) {
    const expected = (await compare(left, right, { threshold, kernel: "reference", threads: 1 })).pairs;
    t.true(expected.scores.length > 500);
    for (const kernel of KERNEL_NAMES) {
      for (const threads of [1, 2, 3, 7]) {
        const { pairs, statistics } = await compare(left, right, { threshold, kernel, threads });
        t.deepEqual(pairs, expected, `${kernel}, ${threads} threads`);
        t.is(statistics.kernel, kernel);
        t.is(statistics.comparisons, 1500 * 1537);
        t.true(statistics.threads >= 1 && statistics.threads <= threads);
      }
    }
  }
});

test("merged chunks of any split equal the whole result, bit for bit", async (t) => {
  const random = seededRandom(2);
  for (let round = 0; round < 12; round++) {
    const [left, right] = sample(100 + round, 100 + Math.floor(random() * 300), 16);
    const threshold = 0.6 + random() * 0.3;
    const whole = (await compare(left, right, { threshold })).pairs;
    const parts: CandidatePairs[] = [];
    const part = ({ bytes, byteLength }: ClkDataset, from: number, to: number) =>
      createClkDataset(bytes.subarray(from * byteLength, to * byteLength), byteLength);
    const aim = 50 + Math.floor(random() * 20_000);
    for (const chunk of splitIntoChunks(left.recordCount, right.recordCount, aim)) {
      const [leftFrom, leftTo] = chunk.left;
      const [rightFrom, rightTo] = chunk.right;
      const kernel = KERNEL_NAMES[Math.floor(random() * 3)]!;
      const found = await compare(part(left, leftFrom, leftTo), part(right, rightFrom, rightTo), {
        threshold,
        kernel,
        threads: 1,
      });
      parts.push({
        ...found.pairs,
        leftRecords: found.pairs.leftRecords.map((record) => record + leftFrom),
        rightRecords: found.pairs.rightRecords.map((record) => record + rightFrom),
      });
    }
    t.deepEqual(mergeCandidatePairs(parts), whole, `aim ${aim}`);
  }
});

test("k keeps the first k of each left record in the total order", async (t) => {
  const [left, right] = sample(3);
  const all = (await compare(left, right, { threshold: 0.55 })).pairs;
  for (const k of [1, 2, 5, 100]) {
    const { pairs } = await compare(left, right, { threshold: 0.55, k, threads: 2 });
    const seen = new Map<number, number>();
    const keep = Array.from(all.scores.keys()).filter((n) => {
      const count = (seen.get(all.leftRecords[n]!) ?? 0) + 1;
      seen.set(all.leftRecords[n]!, count);
      return count <= k;
    });
    t.deepEqual(
      Array.from(pairs.rightRecords),
      keep.map((n) => all.rightRecords[n]!),
    );
    t.deepEqual(
      Array.from(pairs.scores),
      keep.map((n) => all.scores[n]!),
    );
  }
});

test("more than two data sets: compares every pair of them, in the total order", async (t) => {
  const random = seededRandom(4);
  const base = randomClks(random, { recordCount: 150, byteLength: 16 });
  const inputs = [0, 1, 2, 3].map((n) => ({
    dataset: randomClks(random, { recordCount: 100 + 30 * n, byteLength: 16, base }),
  }));
  const expected = await oracle(inputs, 0.75);
  for (const threads of [1, 2]) {
    const { pairs, statistics } = await findCandidatePairs(inputs, { threshold: 0.75, threads });
    t.deepEqual(pairs, expected);
    t.is(statistics.popcounts.length, 4);
  }
});

test("blocks: compares only records that share one, and reports a pair once", async (t) => {
  const random = seededRandom(5);
  for (let round = 0; round < 6; round++) {
    const base = randomClks(random, { recordCount: 80, byteLength: 16 });
    const inputs = Array.from({ length: 2 + (round % 3) }, () => {
      const dataset = randomClks(random, {
        recordCount: 60 + Math.floor(random() * 60),
        byteLength: 16,
        base,
      });
      const blockCount = [3, 20, 1000][round % 3]!;
      const rows = Array.from({ length: dataset.recordCount }, () =>
        Array.from({ length: Math.floor(random() * 5) }, () => Math.floor(random() * blockCount)),
      );
      return { dataset, blocks: indexBlocks(rows) };
    });
    const expected = await oracle(inputs, 0.6);
    for (const kernel of [undefined, ...KERNEL_NAMES]) {
      const { pairs } = await findCandidatePairs(inputs, {
        threshold: 0.6,
        kernel,
        threads: round % 2 === 0 ? 1 : 2,
      });
      t.deepEqual(pairs, expected, `round ${round}, ${kernel}`);
    }
  }
});

test("compares large blocks among small ones as rows", async (t) => {
  const [left, right] = sample(6, 900, 16);
  const rows = (count: number) =>
    Array.from({ length: count }, (_, n) => (n % 3 === 0 ? ["all", `own ${n}`] : ["all"]));
  const blocked = await findCandidatePairs(
    [
      { dataset: left, blocks: indexBlocks(rows(left.recordCount)) },
      { dataset: right, blocks: indexBlocks(rows(right.recordCount)) },
    ],
    { threshold: 0.7, threads: 2 },
  );
  t.deepEqual(blocked.pairs, (await compare(left, right, { threshold: 0.7 })).pairs);
  t.is(blocked.statistics.kernel, "bit-sliced");
});

test("no common block gives an empty result", async (t) => {
  const [left, right] = sample(7, 20);
  const { pairs, statistics } = await findCandidatePairs(
    [
      { dataset: left, blocks: indexBlocks(Array.from({ length: left.recordCount }, () => ["a"])) },
      { dataset: right, blocks: indexBlocks(Array.from({ length: right.recordCount }, () => ["b"])) },
    ],
    { threshold: 0.1 },
  );
  t.is(pairs.scores.length, 0);
  t.is(statistics.comparisons, 0);
});

test("empty data sets give an empty result", async (t) => {
  const empty = createClkDataset(new Uint8Array(0), 16);
  const [left] = sample(8, 10, 16);
  for (const kernel of [undefined, ...KERNEL_NAMES]) {
    t.is((await compare(empty, left, { threshold: 0.5, kernel })).pairs.scores.length, 0);
    t.is((await compare(left, empty, { threshold: 0.5, kernel, threads: 2 })).pairs.scores.length, 0);
  }
});

test("progress adds up to all comparisons, with each kernel and any number of threads", async (t) => {
  const [left, right] = sample(9, 1200, 16);
  for (const kernel of KERNEL_NAMES) {
    for (const threads of [1, 2]) {
      const seen: number[] = [];
      await compare(left, right, {
        threshold: 0.8,
        kernel,
        threads,
        onProgress: (p) => seen.push(p.comparisons),
      });
      t.true(seen.every((value, n) => n === 0 || value >= seen[n - 1]!));
      t.is(seen.at(-1), 1200 * 1237);
    }
  }
});

for (const threads of [1, 2]) {
  test(`an abort stops the work within a tile, and the next comparison works (${threads} threads)`, async (t) => {
    const random = seededRandom(10);
    const left = randomClks(random, { recordCount: 4000, byteLength: 8 });
    const controller = new AbortController();
    const reason = new Error("enough");
    let afterAbort = 0;
    let atAbort = 0;
    const options = {
      threshold: 0.9,
      kernel: "reference" as const,
      threads,
      signal: controller.signal,
      onProgress: ({ comparisons }: { comparisons: number }) => {
        if (controller.signal.aborted) afterAbort = comparisons - atAbort;
        else if (comparisons > 500_000) {
          atAbort = comparisons;
          controller.abort(reason);
        }
      },
    };
    t.is(await t.throwsAsync(compare(left, left, options)), reason);
    // At most one tile of the reference kernel, and what it compares in one turn of the event loop.
    t.true(afterAbort <= 4_000_000, `${afterAbort} comparisons after the abort`);
    const { pairs } = await compare(left, left, { threshold: 1, threads });
    t.true(pairs.scores.length >= 4000);
  });
}

test("an abort before the start compares nothing", async (t) => {
  const [left, right] = sample(11, 10);
  const reason = new Error("never mind");
  let reports = 0;
  const options = { threshold: 0.5, signal: AbortSignal.abort(reason), onProgress: () => reports++ };
  t.is(await t.throwsAsync(compare(left, right, options)), reason);
  t.is(reports, 0);
});

test("concurrent comparisons do not affect each other", async (t) => {
  const cases = Array.from({ length: 12 }, (_, n) => ({
    sets: sample(20 + n, 300 + 40 * n, 16),
    threads: 1 + (n % 3),
  }));
  const expected = [];
  for (const { sets } of cases)
    expected.push((await compare(...sets, { threshold: 0.7, kernel: "scalar", threads: 1 })).pairs);
  const found = await Promise.all(
    cases.map(({ sets, threads }, n) =>
      compare(...sets, { threshold: 0.7, threads, kernel: n % 2 ? "bit-sliced" : "scalar" }),
    ),
  );
  t.deepEqual(
    found.map(({ pairs }) => pairs),
    expected,
  );
});

test("a limit on candidate pairs fails the comparison", async (t) => {
  const ones = clksOfPopcounts(new Array(300).fill(8), 1);
  for (const threads of [1, 2]) {
    for (const kernel of KERNEL_NAMES) {
      const error = await t.throwsAsync(
        compare(ones, ones, { threshold: 0.5, maxCandidates: 89_999, threads, kernel }),
        {
          instanceOf: LinkageError,
        },
      );
      t.is(error.code, "too-many-candidates");
    }
    t.is(
      (await compare(ones, ones, { threshold: 0.5, maxCandidates: 90_000, threads })).pairs.scores.length,
      90_000,
    );
  }
});

test("chooses the kernel by cost", async (t) => {
  const [small] = sample(13, 50, 128);
  const [large, other] = sample(14, 1200, 128);
  const wide = randomClks(seededRandom(15), { recordCount: 600, byteLength: 600 });
  t.is((await compare(small, small, { threshold: 0.9 })).statistics.kernel, "scalar");
  t.is((await compare(large, other, { threshold: 0.9 })).statistics.kernel, "bit-sliced");
  t.is((await compare(large, other, { threshold: 0.2 })).statistics.kernel, "scalar", "most pairs pass");
  t.is((await compare(wide, wide, { threshold: 0.9 })).statistics.kernel, "scalar", "too wide to slice");
});

test("rejects a kernel that does not support the data", async (t) => {
  const wide = randomClks(seededRandom(16), { recordCount: 5, byteLength: 505 });
  const error = await t.throwsAsync(compare(wide, wide, { threshold: 0.9, kernel: "bit-sliced" }), {
    instanceOf: LinkageError,
  });
  t.is(error.code, "kernel-unavailable");
  t.regex(error.message, /at most 504 bytes/);
});

test("rejects invalid options and data sets by name", async (t) => {
  const [left, right] = sample(17, 5);
  const narrow = createClkDataset(new Uint8Array(8), 8);
  const wrong: [() => Promise<unknown>, ErrorCode, RegExp][] = [
    [() => compare(left, right, { threshold: 0 }), "invalid-option", /^threshold must be /],
    [() => compare(left, right, undefined as never), "invalid-option", /^options must be an object /],
    [() => compare(left, right, { threshold: 1, k: 0 }), "invalid-option", /^k must be .* from 1 /],
    [() => compare(left, right, { threshold: 1, threads: 0 }), "invalid-option", /^threads .* 256, not 0\.$/],
    [() => compare(left, right, { threshold: 1, threads: 1.5 }), "invalid-option", /^threads .* not 1\.5\.$/],
    [
      () => compare(left, right, { threshold: 1, kernel: "fast" as never }),
      "invalid-option",
      /^kernel must be one of bit-sliced, scalar, reference, not "fast"\.$/,
    ],
    [() => compare(left, narrow, { threshold: 1 }), "mismatched-datasets", /set 1 have 8 .* 0 have 32\.$/],
    [() => findCandidatePairs([left], { threshold: 1 }), "mismatched-datasets", /be 2 or more, not 1\.$/],
    [
      () => findCandidatePairs([{ dataset: left, blocks: indexBlocks([["a"]]) }, right], { threshold: 1 }),
      "mismatched-datasets",
      /^Only data set 0 has blocks; data set 1 has none\.$/,
    ],
  ];
  for (const [call, code, message] of wrong) {
    const error = await t.throwsAsync(call(), { instanceOf: LinkageError });
    t.is(error.code, code);
    t.regex(error.message, message);
  }
});
