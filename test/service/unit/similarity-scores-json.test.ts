import test from "ava";
import { candidateFileBytes, parseCandidateFile } from "../../../src/core/candidate-file.js";
import { allocateCandidatePairs } from "../../../src/core/candidate-pairs.js";
import { similarityScoresJson } from "../../../src/service/similarity-scores-json.js";

/** A candidate file of `count` pairs, in order. */
function file(count: number): Uint8Array {
  const pairs = allocateCandidatePairs(count);
  for (let n = 0; n < count; n++) {
    pairs.scores[n] = n === 0 ? 1 : 1 - n / (3 * count);
    pairs.rightDatasets[n] = 1;
    pairs.leftRecords[n] = n;
    pairs.rightRecords[n] = 2 * n;
  }
  return candidateFileBytes(pairs);
}

async function* pieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function text(bytes: Uint8Array, length = 1000): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of similarityScoresJson(pieces(bytes, length))) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

for (const count of [0, 1, 2, 4096, 4097, 10_000]) {
  test(`writes ${count} pairs`, async (t) => {
    const { similarity_scores: scores } = JSON.parse(await text(file(count))) as {
      similarity_scores: [[number, number], [number, number], number][];
    };
    t.is(scores.length, count);
    scores.forEach(([left, right, score], n) => {
      if (left[1] !== n || right[1] !== 2 * n || left[0] !== 0 || right[0] !== 1) t.fail(`pair ${n}`);
      if (score !== (n === 0 ? 1 : 1 - n / (3 * count))) t.fail(`score ${n}`);
    });
  });
}

test("writes a duplicate pair of the file once", async (t) => {
  // 4096 pairs are a batch: repeated within one, and across the border of two.
  for (const repeated of [[0], [1, 1, 4095], [4095, 4095], [4096, 9999]]) {
    const once = file(10_000);
    const pairs = parseCandidateFile(once);
    const rows = [...pairs.scores.keys(), ...repeated].sort((a, b) => a - b);
    const bytes = candidateFileBytes({
      scores: Float64Array.from(rows, (n) => pairs.scores[n]!),
      leftDatasets: Uint32Array.from(rows, (n) => pairs.leftDatasets[n]!),
      rightDatasets: Uint32Array.from(rows, (n) => pairs.rightDatasets[n]!),
      leftRecords: Uint32Array.from(rows, (n) => pairs.leftRecords[n]!),
      rightRecords: Uint32Array.from(rows, (n) => pairs.rightRecords[n]!),
    });
    t.is(bytes.length - once.length, repeated.length * ((once.length - file(0).length) / 10_000));
    t.deepEqual(JSON.parse(await text(bytes)), JSON.parse(await text(once)));
  }
});

test("writes a score of 1 as a decimal number for Python", async (t) => {
  t.is(await text(file(1)), '{"similarity_scores": [[[0, 0], [1, 0], 1.0]]}\n');
});

test("reads the file lazily", async (t) => {
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of pieces(file(100_000), 50_000)) {
      read += piece.length;
      yield piece;
    }
  }
  const json = similarityScoresJson(counted());
  for (let n = 0; n < 3; n++) await json.next();
  t.true(read < 400_000, String(read));
  await json.return();
});

test("a truncated file is an error", async (t) => {
  await t.throwsAsync(text(file(3).subarray(0, 70)), { message: /candidate file/ });
});
