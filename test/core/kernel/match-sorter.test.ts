// Sorts the kernels' matches in WebAssembly, in WebAssembly in sorted parts, and without it, and compares the results
// with a comparison sort.
import test from "ava";
import { mergeSimilarPairs } from "../../../src/core/candidates/merge-similar-pairs.js";
import type { SimilarPairs } from "../../../src/core/candidates/similar-pairs.js";
import { Kernels } from "../../../src/core/kernel/kernels.js";
import { MatchSorter } from "../../../src/core/kernel/match-sorter.js";
import { WasmMemory } from "../../../src/core/kernel/wasm-memory.js";
import { compileModules, instantiateOn, type ScalarExports } from "../../../src/core/kernel/wasm-modules.js";
import { seededRandom } from "../../random-clks.js";

/** Score, left record, right record. */
type Row = [number, number, number];

const modules = await compileModules();
const memory = new WasmMemory();
const wasm = await instantiateOn<ScalarExports>(modules.scalar!, memory);
const inRuns = new MatchSorter(wasm, memory, 500);
const sorters: Record<string, { sort(parts: SimilarPairs[]): SimilarPairs }> = {
  WebAssembly: await Kernels.load(modules),
  "WebAssembly, in runs of 500": inRuns,
  TypeScript: await Kernels.load({}),
};

const toPairs = (rows: readonly Row[]): SimilarPairs => ({
  scores: Float64Array.from(rows, ([score]) => score),
  leftRecords: Uint32Array.from(rows, ([, left]) => left),
  rightRecords: Uint32Array.from(rows, ([, , right]) => right),
});

const toRows = ({ scores, leftRecords, rightRecords }: SimilarPairs) =>
  Array.from(scores, (score, n): Row => [score, leftRecords[n]!, rightRecords[n]!]);

const sortRows = (rows: readonly Row[]) =>
  [...rows].sort((a, b) => b[0] - a[0] || a[1] - b[1] || a[2] - b[2]);

/** Splits matches into parts of many sizes, as kernels return them. */
function inParts(rows: readonly Row[], random: () => number): SimilarPairs[] {
  const parts: SimilarPairs[] = [];
  for (let from = 0; from < rows.length; ) {
    const size = 1 + Math.floor(random() * (random() < 0.5 ? 5 : 1500));
    parts.push(toPairs(rows.slice(from, from + size)));
    from += size;
  }
  return parts;
}

const dice = (bits: number, least: number) => (random: () => number) => {
  const sum = 2 + Math.floor(random() * (2 * bits - 1));
  return (2 * Math.ceil((sum / 2) * (least + (1 - least) * random()))) / (sum + (sum % 2));
};

const scoreKinds: Record<string, (random: () => number, n: number) => number> = {
  "of 1,024 bits": dice(1024, 0.6),
  "of 1,024 bits, any": dice(1024, 0.001),
  "of 32,768 bits": dice(32_768, 0.5),
  "of 32,768 bits that share keys": (random) => 0.75 + Math.floor(random() * 200) * 2 ** -30,
  "too close and too many": (_, n) => 0.75 + n * 2 ** -40,
  "all equal": () => 0.8,
  "the least and the most": (random) => (random() < 0.5 ? 2 ** -15 : 1),
};

const indexKinds: Record<string, (n: number, random: () => number) => [number, number]> = {
  ascending: (n) => [Math.floor(n / 40), n % 40],
  "ascending, with repeats": (n) => [Math.floor(n / 80), (n % 80) >> 1],
  "in any order": (_, random) => [Math.floor(random() * 20_000), Math.floor(random() * 20_000)],
  "over 32 bits": (_, random) => [Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)],
  "at the far end": (_, random) => [
    2 ** 32 - 1 - Math.floor(random() * 9),
    2 ** 32 - 1 - (random() < 0.5 ? 0 : 1),
  ],
};

for (const [name, sorter] of Object.entries(sorters)) {
  test(`${name}: sorts as a comparison sort does`, (t) => {
    for (const [scoreKind, score] of Object.entries(scoreKinds)) {
      for (const [indexKind, index] of Object.entries(indexKinds)) {
        const random = seededRandom(scoreKind.length + 100 * indexKind.length);
        for (const count of [0, 1, 2, 499, 500, 501, 4000]) {
          const rows = Array.from({ length: count }, (_, n): Row => [score(random, n), ...index(n, random)]);
          const sorted = toRows(sorter.sort(inParts(rows, random)));
          t.deepEqual(sorted, sortRows(rows), `${count} scores ${scoreKind}, records ${indexKind}`);
        }
      }
    }
  });
}

test("merging any number of sorted lists equals sorting all of them", (t) => {
  const random = seededRandom(3);
  for (let lists = 0; lists < 9; lists++) {
    const all = Array.from({ length: lists }, () =>
      Array.from({ length: Math.floor(random() * 50) }, (): Row => {
        return [Math.ceil(random() * 5) / 5, Math.floor(random() * 4), Math.floor(random() * 4)];
      }),
    );
    const merged = mergeSimilarPairs(all.map((rows) => toPairs(sortRows(rows))));
    t.deepEqual(toRows(merged), sortRows(all.flat()));
  }
});
