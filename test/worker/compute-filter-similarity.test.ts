import test, { type ExecutionContext } from "ava";
import { indexBlocks } from "../../src/core/blocks.js";
import { candidateFileBytes } from "../../src/core/candidate-file.js";
import { type CandidatePairs, dropDuplicates } from "../../src/core/candidate-pairs.js";
import { mergeCandidatePairs } from "../../src/core/candidates/merge-candidates.js";
import { splitIntoChunks } from "../../src/core/chunks.js";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import { compare, findCandidatePairs } from "../../src/library/node.js";
import { candidateFileName } from "../../src/linkage/candidate-file-names.js";
import { ServiceError } from "../../src/linkage/errors.js";
import { febrl, setUp, setUpBlocks, side, wholeFebrl, wholeParties } from "./task-set-up.js";

/** The candidate file of the run `r` and the task `a-task`. */
const FILE_NAME = candidateFileName("r", "a-task");

test("one chunk of everything equals the library's result", async (t) => {
  const { run, objects, cache } = setUp(wholeParties(febrl));
  const { pairs } = await compare(febrl[0]!, febrl[1]!, { threshold: 0.8 });
  const expected = candidateFileBytes(pairs);
  const result = await run(wholeFebrl);
  t.deepEqual(result, [946, 4 + 946 * 24, FILE_NAME]);
  t.deepEqual(new Uint8Array(objects.files.get(FILE_NAME)!), expected);
  t.is(cache.comparisons, 1_000_000);
  t.is(cache.candidates, 946);
});

for (const aim of [1_000_000, 100_000, 12_345]) {
  test(`merged chunks of ${aim} comparisons equal the whole`, async (t) => {
    const { run, pairsOf, cache, encodings } = setUp(wholeParties(febrl));
    const lists: CandidatePairs[] = [];
    let count = 0;
    for (const { left, right } of splitIntoChunks(1000, 1000, aim)) {
      const pairs = pairsOf(await run([[side(0, left), side(1, right)]], `task ${count++}`));
      if (pairs !== undefined) lists.push(pairs);
    }
    const whole = await compare(febrl[0]!, febrl[1]!, { threshold: 0.8 });
    t.deepEqual(mergeCandidatePairs(lists), whole.pairs);
    t.is(cache.comparisons, 1_000_000);
    t.is(cache.candidates, 946);
    t.is(new Set(encodings.queries).size, encodings.queries.length, "each side is loaded once");
  });
}

for (const [parties, aim] of [
  [2, 1_000_000],
  [2, 500],
  [3, 2000],
] as const) {
  test(`packages of blocks of ${parties} parties, aiming at ${aim}, equal the library's result`, async (t) => {
    const { run, pairsOf, cache, datasets, rowBlocks, packages } = setUpBlocks(parties, aim);
    const inputs = datasets.map((dataset, n) => ({ dataset, blocks: indexBlocks(rowBlocks[n]!) }));
    const whole = await findCandidatePairs(inputs, { threshold: 0.75 });
    const lists: CandidatePairs[] = [];
    for (const [n, chunks] of packages.entries()) {
      const pairs = pairsOf(await run(chunks, `task ${n}`, 0.75));
      if (pairs === undefined) continue;
      t.is(dropDuplicates(pairs), pairs, "no duplicates within a package");
      lists.push(pairs);
    }
    t.true(packages.some((chunks) => chunks.length > 1));
    t.deepEqual(dropDuplicates(mergeCandidatePairs(lists)), whole.pairs);
    t.is(cache.comparisons, whole.statistics.comparisons);
  });
}

test("records are entity ids, not positions in the block", async (t) => {
  const [a, b] = febrl as [ClkDataset, ClkDataset];
  const blocks = [new Map([[1, [0, 7, 501]]]), new Map([[2, [390, 818]]])];
  const parties = new Map([
    [10, { dataset: a, blocks: blocks[0]! }],
    [11, { dataset: b, blocks: blocks[1]! }],
  ]);
  const { run, pairsOf } = setUp(parties);
  const left = { dataproviderId: 10, datasetIndex: 3, block_id: 1, range: [0, 3] };
  const right = { dataproviderId: 11, datasetIndex: 5, block_id: 2, range: [0, 2] };
  const pairs = pairsOf(await run([[left, right]]))!;
  t.deepEqual([...pairs.leftRecords, ...pairs.rightRecords], [0, 818]);
  t.deepEqual([...pairs.leftDatasets, ...pairs.rightDatasets], [3, 5]);
});

test("repeating a task changes nothing", async (t) => {
  const { run, objects, cache, encodings } = setUp(wholeParties(febrl));
  const first = await run(wholeFebrl);
  const bytes = objects.files.get(FILE_NAME);
  const queryCount = encodings.queries.length;
  t.deepEqual(await run(wholeFebrl), first);
  t.is(objects.putCount, 1, "what is stored is not computed again");
  t.is(encodings.queries.length, queryCount);

  objects.files.clear();
  t.deepEqual(await run(wholeFebrl), first);
  t.deepEqual(objects.files.get(FILE_NAME), bytes, "the same bytes");
  t.is(cache.comparisons, 1_000_000);
  t.is(cache.candidates, 946);
});

test("a retry after a failure counts once", async (t) => {
  const { run, objects, cache } = setUp(wholeParties(febrl));
  objects.failures = 1;
  await t.throwsAsync(run(wholeFebrl), { message: "the object store is full" });
  t.deepEqual(await run(wholeFebrl), [946, 22_708, FILE_NAME]);
  t.is(cache.comparisons, 1_000_000);
});

test("a cache that lost a run counts results that are already stored", async (t) => {
  const stores = setUp(wholeParties(febrl));
  const first = await stores.run(wholeFebrl);
  const { cache, run, objects } = setUp(wholeParties(febrl));
  objects.files.set(FILE_NAME, stores.objects.files.get(FILE_NAME)!);
  t.deepEqual(await run(wholeFebrl), first);
  t.is(cache.comparisons, 1_000_000);
  t.is(cache.candidates, 946);
});

for (const state of [undefined, "error"] as const) {
  test(`a file that is stored after the run is ${state ?? "deleted"} is removed`, async (t) => {
    const { run, runs, objects } = setUp(wholeParties(febrl));
    objects.afterPut = () => {
      runs.state = state;
    };
    t.is(await run(wholeFebrl), null);
    t.is(objects.putCount, 1);
    t.is(objects.files.size, 0);
  });
}

test("writes no file without candidates", async (t) => {
  const { run, objects, cache } = setUp(wholeParties(febrl));
  t.deepEqual(await run([[side(0, [0, 10]), side(1, [0, 10])]], "a-task", 1), [0, null, null]);
  t.is(objects.files.size, 0);
  t.is(cache.comparisons, 100);
});

async function endsQuietly(t: ExecutionContext, change: (stores: ReturnType<typeof setUp>) => void) {
  const stores = setUp(wholeParties(febrl));
  change(stores);
  t.is(await stores.run(wholeFebrl), null);
  t.is(stores.objects.files.size, 0);
  t.is(stores.cache.comparisons, 0);
  t.is(stores.runs.message, undefined);
}

test("a task of an inactive run ends silently", endsQuietly, ({ cache }) => {
  cache.isRunActive = false;
});
test("a task of a deleted run ends silently", endsQuietly, ({ runs }) => {
  runs.state = undefined;
});
test("a task of a failed run ends silently", endsQuietly, ({ runs }) => {
  runs.state = "error";
});
test("a task of a completed run ends silently", endsQuietly, ({ runs }) => {
  runs.state = "completed";
});
test(
  "a task ends silently if its run is canceled during the computation",
  endsQuietly,
  ({ cache, encodings }) => {
    encodings.beforeAnswer = async () => {
      cache.isRunActive = false;
    };
  },
);

const TOO_MANY =
  "The run has more than 900 candidate pairs, which is the limit. A higher threshold gives fewer.";

test("deleting a run aborts its task", async (t) => {
  const { run, cache, encodings, objects } = setUp(wholeParties(febrl));
  let stopped = false;
  encodings.beforeAnswer = (signal) =>
    new Promise((_, reject) => {
      signal!.addEventListener("abort", () => {
        stopped = true;
        reject(signal!.reason);
      });
      cache.isRunActive = false; // and the store never answers
    });
  t.is(await run(wholeFebrl), null);
  t.true(stopped);
  t.is(objects.putCount, 0);
});

test("too many candidates in one task fail the run", async (t) => {
  const { run, runs, objects } = setUp(wholeParties(febrl), { maxCandidatePairs: 900 });
  t.is(await run(wholeFebrl), null);
  t.is(runs.state, "error");
  t.is(runs.message, TOO_MANY);
  t.is(objects.files.size, 0);
});

test("too many candidates in all tasks together fail the run", async (t) => {
  const { run, runs, objects } = setUp(wholeParties(febrl), { maxCandidatePairs: 900 });
  const results: unknown[] = [];
  for (const [n, from] of [0, 500].entries()) {
    results.push(await run([[side(0, [from, from + 500]), side(1, [0, 1000])]], `task ${n}`));
  }
  t.not(results[0], null);
  t.is(results[1], null);
  t.is(runs.message, TOO_MANY);
  t.is(objects.files.size, 1);
});

test("accepts as many candidates as the limit", async (t) => {
  const { run, runs } = setUp(wholeParties(febrl), { maxCandidatePairs: 946 });
  t.is((await run(wholeFebrl))?.[0], 946);
  t.is(runs.state, "running");
});

test("an abort ends the task with its reason during loading and comparing", async (t) => {
  const { run, encodings, objects, cache } = setUp(wholeParties(febrl));
  const abortAfter = async (ms: number, chunks: unknown) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("revoked")), ms);
    await t.throwsAsync(run(chunks, "a-task", 0.01, controller.signal), { message: "revoked" });
  };
  const twoBlocks = [...wholeFebrl, ...wholeFebrl];
  encodings.beforeAnswer = () => new Promise(() => {});
  await abortAfter(5, wholeFebrl);
  await abortAfter(5, twoBlocks);
  encodings.beforeAnswer = async () => {};
  await abortAfter(0, wholeFebrl);
  await abortAfter(0, twoBlocks);
  await t.throwsAsync(run(wholeFebrl, "a-task", 0.5, AbortSignal.abort(new Error("early"))), {
    message: "early",
  });
  t.is(objects.files.size, 0);
  t.is(cache.comparisons, 0);
});

test("a block without rows or with another encoding size is an error", async (t) => {
  const { task, run } = setUp(wholeParties(febrl));
  const beyond = [[side(0, [1000, 1001]), side(1, [0, 1000])]];
  t.is((await t.throwsAsync(run(beyond), { instanceOf: ServiceError })).code, "missing-encodings");
  const parameters = { package: wholeFebrl, project_id: "p", run_id: "r", threshold: 0.8, encoding_size: 64 };
  const wrongSize = await t.throwsAsync(task(parameters, { taskId: "t" }), { instanceOf: ServiceError });
  t.is(wrongSize.code, "invalid-encodings");
});
