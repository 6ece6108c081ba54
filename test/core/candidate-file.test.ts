import test from "ava";
import fc from "fast-check";
import {
  candidateFileBytes,
  parseCandidateFile,
  type ReadCandidateFileOptions,
  readCandidateFile,
  writeCandidateFile,
} from "../../src/core/candidate-file.js";
import {
  type CandidatePairs,
  candidateCount,
  concatCandidatePairs,
  dropDuplicates,
  emptyCandidatePairs,
  isSorted,
  sliceCandidatePairs,
} from "../../src/core/candidate-pairs.js";
import { halfFloatValue } from "../../src/core/candidates/half-float.js";
import { mergeCandidateFiles } from "../../src/core/candidates/merge-candidate-files.js";
import { sortCandidatePairs } from "../../src/core/candidates/sort-candidates.js";
import { LinkageError } from "../../src/core/errors.js";

/** Sorted pairs with scores that are exact in half precision, and indices of one byte. */
const anyPairs = fc
  .array(fc.tuple(fc.nat(64), fc.nat(2), fc.nat(2), fc.nat(255), fc.nat(9)), { maxLength: 40 })
  .map((rows) =>
    sortCandidatePairs({
      scores: Float64Array.from(rows, (row) => row[0] / 64),
      leftDatasets: Uint32Array.from(rows, (row) => row[1]),
      rightDatasets: Uint32Array.from(rows, (row) => row[2]),
      leftRecords: Uint32Array.from(rows, (row) => row[3]),
      rightRecords: Uint32Array.from(rows, (row) => row[4]),
    }),
  );

function onePair(score: number, leftDataset = 0, rightDataset = 1, left = 0, right = 0): CandidatePairs {
  return {
    scores: Float64Array.of(score),
    leftDatasets: Uint32Array.of(leftDataset),
    rightDatasets: Uint32Array.of(rightDataset),
    leftRecords: Uint32Array.of(left),
    rightRecords: Uint32Array.of(right),
  };
}

/** The bytes in pieces whose lengths cycle through `lengths`; pieces may be empty. */
async function* cut(bytes: Uint8Array, lengths: readonly number[] = [65_536]): AsyncGenerator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const length = lengths[i % lengths.length]!;
    yield bytes.slice(at, at + length);
    at += length;
  }
}

const anyCut = fc.array(fc.nat(40), { minLength: 1, maxLength: 8 }).map((lengths) => [...lengths, 1]);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const result: T[] = [];
  for await (const item of items) result.push(item);
  return result;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}

/** A separate encoder, as an oracle: writes each value with a plain DataView. */
function encode(pairs: CandidatePairs, score: number, dataset: number, record: number): Uint8Array {
  const bytes = [1, score, dataset, record];
  const view = new DataView(new ArrayBuffer(8));
  const put = (width: number) => bytes.push(...new Uint8Array(view.buffer, 0, width));
  const putIndex = (value: number, width: number) => {
    view.setBigUint64(0, BigInt(value), true);
    put(width);
  };
  for (let i = 0; i < candidateCount(pairs); i++) {
    if (score === 8) view.setFloat64(0, pairs.scores[i]!, true);
    else if (score === 4) view.setFloat32(0, pairs.scores[i]!, true);
    else view.setUint16(0, halfFloatBits(pairs.scores[i]!), true);
    put(score);
    putIndex(pairs.leftDatasets[i]!, dataset);
    putIndex(pairs.rightDatasets[i]!, dataset);
    putIndex(pairs.leftRecords[i]!, record);
    putIndex(pairs.rightRecords[i]!, record);
  }
  return Uint8Array.from(bytes);
}

const halfFloats = new Map(
  Array.from({ length: 2 ** 16 }, (_, bits) => [nameNumber(halfFloatValue(bits)), bits]),
);

/** A name that distinguishes −0 from 0. */
function nameNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The bits of a half-precision number, looked up in the table of all of them. */
function halfFloatBits(value: number): number {
  const bits = halfFloats.get(nameNumber(value));
  if (bits === undefined) throw new Error(`half precision cannot hold ${value}`);
  return bits;
}

test("writes the bytes of the documented format", (t) => {
  const expected = "01080404" + "000000000000e83f" + "01000000" + "02000000" + "03000000" + "ffffffff";
  const bytes = candidateFileBytes(onePair(0.75, 1, 2, 3, 2 ** 32 - 1));
  t.is(Buffer.from(bytes).toString("hex"), expected);
  t.deepEqual(candidateFileBytes(emptyCandidatePairs()), Uint8Array.of(1, 8, 4, 4));
});

test("reads half-precision numbers", (t) => {
  const known: [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65_504],
    [0x0400, 2 ** -14],
    [0x03ff, 1023 * 2 ** -24],
    [0x0001, 2 ** -24],
    [0x7c00, Infinity],
    [0xfc00, -Infinity],
    [0x7c01, Number.NaN],
  ];
  for (const [bits, value] of known) t.is(halfFloatValue(bits), value);
});

for (const score of [2, 4, 8]) {
  for (const dataset of [1, 2, 4, 8] as const) {
    for (const record of [1, 2, 4, 8] as const) {
      test(`reads and writes widths ${score}, ${dataset}, ${record}, cut anywhere`, async (t) => {
        const check = fc.asyncProperty(
          anyPairs,
          anyCut,
          fc.integer({ min: 1, max: 9 }),
          async (pairs, lengths, batchSize) => {
            const bytes = encode(pairs, score, dataset, record);
            t.deepEqual(parseCandidateFile(bytes), pairs);
            const batches = await collect(readCandidateFile(cut(bytes, lengths), { batchSize }));
            t.deepEqual(concatCandidatePairs(batches), pairs);
            t.true(batches.every((batch) => candidateCount(batch) > 0 && candidateCount(batch) <= batchSize));
            if (score === 2) return;
            const options = { scoreWidth: score as 4 | 8, datasetWidth: dataset, recordWidth: record };
            t.deepEqual(candidateFileBytes(pairs, options), bytes);
            const half = candidateCount(pairs) >> 1;
            const parts = [sliceCandidatePairs(pairs, 0, half), sliceCandidatePairs(pairs, half)];
            t.deepEqual(join(await collect(writeCandidateFile(parts, options))), bytes);
          },
        );
        await fc.assert(check, { numRuns: 15 });
      });
    }
  }
}

test("round-trips any score bit for bit", (t) => {
  fc.assert(
    fc.property(fc.double({ noNaN: true }), (score) => {
      t.is(parseCandidateFile(candidateFileBytes(onePair(score))).scores[0], score);
    }),
  );
});

test("splits long files into several chunks and batches", async (t) => {
  const count = 150_000;
  const pairs = {
    scores: Float64Array.from({ length: count }, (_, i) => 1 - Math.floor(i / 7) / count),
    leftDatasets: new Uint32Array(count),
    rightDatasets: new Uint32Array(count).fill(1),
    leftRecords: Uint32Array.from({ length: count }, (_, i) => i),
    rightRecords: Uint32Array.from({ length: count }, (_, i) => count - i),
  };
  const chunks = await collect(writeCandidateFile(pairs));
  t.true(chunks.length > 10 && chunks.every((chunk) => chunk.length <= 256 * 1024));
  const bytes = Buffer.concat(chunks);
  t.true(bytes.equals(candidateFileBytes(pairs)));
  const batches = await collect(readCandidateFile(cut(bytes, [1, 100_000])));
  t.deepEqual(batches.map(candidateCount), [65_536, 65_536, count - 2 * 65_536]);
  t.deepEqual(concatCandidatePairs(batches), pairs);
  t.deepEqual(parseCandidateFile(bytes), pairs);
});

test("writes async batches and reads a ReadableStream", async (t) => {
  async function* batches() {
    yield onePair(1);
    yield emptyCandidatePairs();
    yield onePair(0.5);
  }
  const stream = new Blob(
    (await collect(writeCandidateFile(batches()))) as Uint8Array<ArrayBuffer>[],
  ).stream();
  const read = concatCandidatePairs(await collect(readCandidateFile(stream)));
  t.deepEqual(read, concatCandidatePairs([onePair(1), onePair(0.5)]));
});

test("reads a stream that is not iterable, and cancels it when stopped early", async (t) => {
  for (const isEarly of [false, true]) {
    let cancelled = false;
    const bytes = candidateFileBytes(concatCandidatePairs([onePair(1), onePair(0.5)]));
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes);
        if (!isEarly) controller.close();
      },
      cancel() {
        cancelled = true;
      },
    });
    const plain = { getReader: () => stream.getReader() } as ReadableStream<Uint8Array>;
    let count = 0;
    for await (const batch of readCandidateFile(plain, { batchSize: 1 })) {
      count += candidateCount(batch);
      if (isEarly) break;
    }
    t.is(count, isEarly ? 1 : 2);
    t.is(cancelled, isEarly);
  }
});

const header = [1, 8, 4, 4];
const score = (value: number) => [...new Uint8Array(Float64Array.of(value).buffer)];
const zeros = (count: number) => new Array<number>(count).fill(0);
const wrongFiles: Record<string, [number[], RegExp]> = {
  "an empty file": [[], /ends after 0 of the 4 bytes of its header/],
  "half a header": [[1, 8], /ends after 2 of the 4 bytes of its header/],
  "another version": [[2, 8, 4, 4], /^Cannot read candidate file: its version is 2, not 1\.$/],
  "scores of 3 bytes": [[1, 3, 4, 4], /scores have 3 bytes, not 2, 4 or 8/],
  "indices of 3 bytes": [[1, 8, 3, 4], /indices have 3 bytes for data sets and 4 for records, not/],
  "indices of no bytes": [[1, 8, 4, 0], /indices have 4 bytes for data sets and 0 for records, not/],
  "half a pair": [[...header, ...zeros(24), ...zeros(13)], /after 13 of the 24 bytes of the pair at byte 28/],
  NaN: [[...header, ...zeros(24), ...score(Number.NaN), ...zeros(16)], /pair at byte 28 has the score NaN/],
  "NaN at the start": [[...header, ...score(Number.NaN), ...zeros(16)], /pair at byte 4 has the score NaN/],
  "ascending scores": [[...header, ...zeros(24), ...score(1), ...zeros(16)], /at byte 28 is out of order/],
  "an index of 2^32": [
    [1, 2, 1, 8, ...zeros(4), ...zeros(8), 0, 0, 0, 0, 1, 0, 0, 0],
    /has an index of 2\^32 or more/,
  ],
};

for (const [name, [bytes, message]] of Object.entries(wrongFiles)) {
  test(`rejects ${name}`, async (t) => {
    const expected = { instanceOf: LinkageError, code: "invalid-candidate-file", message };
    t.throws(() => parseCandidateFile(Uint8Array.from(bytes)), expected);
    for (const batchSize of [1, 65_536]) {
      const read = readCandidateFile(cut(Uint8Array.from(bytes), [1]), { batchSize });
      await t.throwsAsync(collect(read), expected);
    }
  });
}

test("checks the order between batches too, or not at all on request", async (t) => {
  const pairs = concatCandidatePairs([onePair(0.5), onePair(1)]);
  t.throws(() => candidateFileBytes(pairs), { instanceOf: LinkageError, code: "invalid-candidates" });
  await t.throwsAsync(collect(writeCandidateFile([onePair(0.5), onePair(1)])), { instanceOf: LinkageError });
  const bytes = candidateFileBytes(pairs, { checkOrder: false });
  const read = (options: ReadCandidateFileOptions) => collect(readCandidateFile(cut(bytes), options));
  await t.throwsAsync(read({ batchSize: 1 }), { code: "invalid-candidate-file" });
  t.deepEqual(concatCandidatePairs(await read({ checkOrder: false })), pairs);
});

test("rejects values that do not fit", (t) => {
  const refuse = (pairs: CandidatePairs, options: Parameters<typeof candidateFileBytes>[1]) =>
    t.throws(() => candidateFileBytes(pairs, options), {
      instanceOf: LinkageError,
      code: "invalid-candidates",
    });
  refuse(onePair(2 / 3), { scoreWidth: 4 });
  refuse(onePair(Number.NaN), {});
  refuse(onePair(1, 256), { datasetWidth: 1 });
  refuse(onePair(1, 0, 65_536), { datasetWidth: 2 });
  refuse(onePair(1, 0, 0, 256), { recordWidth: 1 });
  refuse(onePair(1, 0, 0, 0, 65_536), { recordWidth: 2 });
  refuse({ ...onePair(1), leftRecords: new Uint32Array(2) }, {});
});

test("rejects options out of range", async (t) => {
  const invalidOption = { instanceOf: LinkageError, code: "invalid-option" };
  for (const options of [{ scoreWidth: 2 }, { datasetWidth: 3 }, { recordWidth: "4" }]) {
    t.throws(() => candidateFileBytes(emptyCandidatePairs(), options as never), invalidOption);
  }
  for (const batchSize of [0, -1, 1.5, Number.NaN]) {
    await t.throwsAsync(collect(readCandidateFile(cut(Uint8Array.of()), { batchSize })), invalidOption);
    await t.throwsAsync(collect(mergeCandidateFiles([], { batchSize })), invalidOption);
    await t.throwsAsync(collect(mergeCandidateFiles([], { sourceBatchSize: batchSize })), invalidOption);
  }
});

test("rejects chunks that are not bytes", async (t) => {
  async function* text() {
    yield "abc" as unknown as Uint8Array;
  }
  await t.throwsAsync(collect(readCandidateFile(text())), { code: "invalid-candidate-file" });
  t.throws(() => parseCandidateFile("abc" as unknown as Uint8Array), { code: "invalid-candidate-file" });
});

test("damaged and random files give a correct result or a LinkageError", async (t) => {
  const damaged = fc
    .tuple(anyPairs, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(1000))
    .map(([pairs, changes, missing]) => {
      const bytes = candidateFileBytes(pairs);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes.subarray(0, bytes.length - (missing % 3 === 0 ? missing % bytes.length : 0));
    });
  const widths = fc.tuple(fc.constantFrom(2, 4, 8), fc.constantFrom(1, 2, 4, 8), fc.constantFrom(1, 2, 4, 8));
  const random = fc
    .tuple(widths, fc.uint8Array({ maxLength: 60 }))
    .map(([sizes, rest]) => Uint8Array.of(1, ...sizes, ...rest));
  const anyFile = fc.oneof(damaged, random, fc.uint8Array({ maxLength: 60 }));
  const check = fc.asyncProperty(
    anyFile,
    anyCut,
    fc.integer({ min: 1, max: 5 }),
    async (bytes, lengths, batchSize) => {
      let whole: CandidatePairs | undefined;
      try {
        whole = parseCandidateFile(bytes);
      } catch (error) {
        if (!(error instanceof LinkageError) || error.code !== "invalid-candidate-file") throw error;
      }
      const read = collect(readCandidateFile(cut(bytes, lengths), { batchSize }));
      if (whole === undefined) {
        await t.throwsAsync(read, { instanceOf: LinkageError, code: "invalid-candidate-file" });
        return;
      }
      t.true(isSorted(whole));
      t.deepEqual(encode(whole, bytes[1]!, bytes[2]!, bytes[3]!), Uint8Array.from(bytes));
      t.deepEqual(concatCandidatePairs(await read), whole);
    },
  );
  await fc.assert(check, { numRuns: 500 });
});

test("merging files equals sorting all pairs, without duplicates", async (t) => {
  const size = fc.integer({ min: 1, max: 5 });
  const check = fc.asyncProperty(
    fc.array(anyPairs, { maxLength: 9 }),
    anyCut,
    size,
    size,
    async (lists, lengths, batchSize, sourceBatchSize) => {
      const files = lists.map((pairs, i) =>
        cut(encode(pairs, i % 2 ? 4 : 8, i % 3 ? 4 : 1, i % 5 ? 8 : 2), lengths),
      );
      const batches = await collect(mergeCandidateFiles(files, { batchSize, sourceBatchSize }));
      t.deepEqual(
        concatCandidatePairs(batches),
        dropDuplicates(sortCandidatePairs(concatCandidatePairs(lists))),
      );
      t.true(batches.every((batch) => candidateCount(batch) > 0 && candidateCount(batch) <= batchSize));
    },
  );
  await fc.assert(check, { numRuns: 200 });
});

test("merges hundreds of files", async (t) => {
  const lists = Array.from({ length: 500 }, (_, file) =>
    sortCandidatePairs(
      concatCandidatePairs(
        Array.from({ length: 20 }, (_, i) => onePair(((file * 7 + i * 31) % 100) / 100, 0, 1, i, file % 50)),
      ),
    ),
  );
  const merged = await collect(mergeCandidateFiles(lists.map((pairs) => cut(candidateFileBytes(pairs)))));
  t.deepEqual(concatCandidatePairs(merged), dropDuplicates(sortCandidatePairs(concatCandidatePairs(lists))));
});

test("a merge names the damaged source and closes all sources", async (t) => {
  const closed: number[] = [];
  async function* source(index: number, bytes: Uint8Array) {
    try {
      yield* cut(bytes, [10]);
      if (index === 0) for (;;) yield candidateFileBytes(onePair(0)).subarray(4);
    } finally {
      closed.push(index);
    }
  }
  const good = candidateFileBytes(concatCandidatePairs([onePair(1), onePair(0.5)]));
  const sources = () => [source(0, good), source(1, good.subarray(0, -1)), source(2, good)];
  const merge = mergeCandidateFiles(sources(), { sourceBatchSize: 1, batchSize: 1 });
  await t.throwsAsync(collect(merge), {
    code: "invalid-candidate-file",
    message: /^Cannot read candidate file 1: /,
  });
  t.deepEqual(closed.sort(), [0, 1, 2]);

  closed.length = 0;
  for await (const _ of mergeCandidateFiles(sources(), { sourceBatchSize: 1, batchSize: 1 })) break;
  t.deepEqual(closed.sort(), [0, 1, 2]);
});
