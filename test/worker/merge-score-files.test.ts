import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FileObjectStore } from "../../src/adapters/embedded/file-object-store.js";
import { candidateFileBytes, parseCandidateFile } from "../../src/core/candidate-file.js";
import {
  allocateCandidatePairs,
  type CandidatePairs,
  dropDuplicates,
} from "../../src/core/candidate-pairs.js";
import { mergeCandidatePairs } from "../../src/core/candidates/merge-candidates.js";
import { candidateFileName } from "../../src/linkage/candidate-file-names.js";
import type { ObjectStore } from "../../src/linkage/object-store.js";
import { mergeScoreFiles, type ScoreFile } from "../../src/worker/merge-score-files.js";
import { seededRandom } from "../random-clks.js";

const NAME = candidateFileName("run", "all");

function randomPairs(random: () => number, count: number): CandidatePairs {
  const pairs = allocateCandidatePairs(count);
  for (let i = 0; i < count; i++) {
    pairs.scores[i] = 1 - (i + random()) / count / 2;
    pairs.rightDatasets[i] = 1;
    pairs.leftRecords[i] = Math.floor(random() * 50);
    pairs.rightRecords[i] = Math.floor(random() * 50);
  }
  return pairs;
}

/** Files of 1 to 20 pairs, some of them with the pairs of another; and the merged pairs of all. */
async function storeFiles(t: ExecutionContext, count: number) {
  const folder = mkdtempSync(join(tmpdir(), "merge-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const objects = await FileObjectStore.open(folder);
  const random = seededRandom(count);
  const lists: CandidatePairs[] = [];
  const files: ScoreFile[] = [];
  for (let n = 0; n < count; n++) {
    const pairs = n % 5 === 4 ? lists[n - 1]! : randomPairs(random, 1 + Math.floor(random() * 20));
    const bytes = candidateFileBytes(pairs);
    const name = candidateFileName("run", `part ${n}`);
    lists.push(pairs);
    files.push({ name, byteLength: bytes.length });
    await objects.put(
      name,
      async function* () {
        yield bytes;
      },
      bytes.length,
    );
  }
  const expected =
    lists.length === 0 ? allocateCandidatePairs(0) : dropDuplicates(mergeCandidatePairs(lists));
  return { objects, files, expected };
}

/** Wraps the store; records the largest number of files that were read at once, and the files written. */
function watched(objects: FileObjectStore) {
  const seen = { open: 0, most: 0, written: [] as string[] };
  const store: Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "remove"> = {
    async *get(...args) {
      seen.most = Math.max(seen.most, ++seen.open);
      try {
        yield* objects.get(...args);
      } finally {
        seen.open--;
      }
    },
    async putStream(name, ...args) {
      await objects.putStream(name, ...args);
      seen.written.push(name);
    },
    byteLengthOf: (name) => objects.byteLengthOf(name),
    remove: (names) => objects.remove(names),
  };
  return { seen, store };
}

async function pairsOf(objects: FileObjectStore, name: string): Promise<CandidatePairs> {
  const bytes: Uint8Array[] = [];
  for await (const chunk of objects.get(name)) bytes.push(chunk);
  return parseCandidateFile(new Uint8Array(Buffer.concat(bytes)));
}

async function namesIn(objects: FileObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const name of objects.list("")) names.push(name);
  return names.sort();
}

for (const [count, rounds] of [
  [0, 0],
  [1, 0],
  [64, 0],
  [65, 1],
  [127, 1],
  [128, 2],
  [200, 3],
] as const) {
  test(`merges ${count} files in ${rounds} rounds before the last`, async (t) => {
    const { objects, files, expected } = await storeFiles(t, count);
    const { seen, store } = watched(objects);
    await mergeScoreFiles(store, "run", files, NAME);
    t.deepEqual(await pairsOf(objects, NAME), expected);
    t.is(seen.written.length, rounds + 1);
    t.is(seen.most, Math.min(count, 64));
    t.is(seen.open, 0);
    const parts = files.map(({ name }) => name);
    const left = (await namesIn(objects)).filter((name) => name !== NAME);
    t.true(
      left.every((name) => parts.includes(name)),
      "of what rounds have made nothing is left",
    );
    t.true(left.length <= 64 - Math.sign(rounds), "nor of what they have merged");
  });
}

test("an interrupted merge resumes with the existing files and gives the same result", async (t) => {
  for (let failing = 1; failing <= 4; failing++) {
    for (const moment of ["before", "after"] as const) {
      const { objects, files, expected } = await storeFiles(t, 9);
      const { seen, store } = watched(objects);
      let writes = 0;
      const breaking = {
        ...store,
        async putStream(...args: Parameters<typeof store.putStream>) {
          const isBroken = ++writes === failing;
          if (isBroken && moment === "before") throw new Error("killed");
          await store.putStream(...args);
          if (isBroken) throw new Error("killed");
        },
      };
      const merge = () => mergeScoreFiles(breaking, "run", files, NAME, undefined, 3);
      await t.throwsAsync(merge(), { message: "killed" });
      await merge();
      t.deepEqual(await pairsOf(objects, NAME), expected, `${moment} write ${failing}`);
      const [last] = seen.written.slice(-1);
      t.is(last, NAME);
      t.is(new Set(seen.written).size, 4, "three rounds and the last");
    }
  }
});

test("merges the smallest files first", async (t) => {
  const { objects, files } = await storeFiles(t, 20);
  const { store } = watched(objects);
  const removed: string[] = [];
  const noting = {
    ...store,
    remove: async (names: readonly string[]) => {
      removed.push(...names);
      await objects.remove(names);
    },
  };
  await mergeScoreFiles(noting, "run", files, NAME, undefined, 19);
  const lengths = files.map(({ byteLength }) => byteLength).sort((a, b) => a - b);
  t.deepEqual(
    removed.flatMap((name) => files.find((file) => file.name === name)?.byteLength ?? []),
    lengths.slice(0, 2),
  );
});

test("a missing file or an abort ends a merge without writing", async (t) => {
  const { objects, files } = await storeFiles(t, 5);
  const { seen, store } = watched(objects);
  const reason = new Error("the run has ended");
  await t.throwsAsync(mergeScoreFiles(store, "run", files, NAME, AbortSignal.abort(reason), 2), {
    message: "the run has ended",
  });
  await objects.remove([files[0]!.name]);
  await t.throwsAsync(mergeScoreFiles(store, "run", files, NAME), { code: "missing-object" });
  t.deepEqual(seen.written, []);
  t.is(seen.open, 0);
  t.is(await objects.byteLengthOf(NAME), undefined);
});
