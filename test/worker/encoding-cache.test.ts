import test from "ava";
import { createClkDataset } from "../../src/core/clk-dataset.js";
import type { BlockRows, StoredEncodings } from "../../src/linkage/encoding-store.js";
import { EncodingCache } from "../../src/worker/encoding-cache.js";

const BYTE_LENGTH = 8;

function rows(from: number): BlockRows {
  return { dataproviderId: 1, blockId: 2, from, to: from + 10 };
}

/** Ten records: 120 bytes with their entity ids. */
function encodings(): StoredEncodings {
  return {
    dataset: createClkDataset(new Uint8Array(10 * BYTE_LENGTH), BYTE_LENGTH),
    entityIds: new Uint32Array(10),
  };
}

function counting() {
  const loads: number[] = [];
  const load = (from: number) => async () => {
    loads.push(from);
    return encodings();
  };
  return { loads, load };
}

test("keeps the most recently used encodings up to the limit", async (t) => {
  const cache = new EncodingCache(250);
  const { loads, load } = counting();
  for (const from of [0, 10, 0, 20, 0, 10]) await cache.get(rows(from), BYTE_LENGTH, load(from));
  t.deepEqual(loads, [0, 10, 20, 10]);
  t.is(cache.byteLength, 240);
});

test("does not keep encodings over the limit, or any with a limit of 0", async (t) => {
  for (const limit of [0, 100]) {
    const cache = new EncodingCache(limit);
    const { loads, load } = counting();
    for (const from of [0, 0]) await cache.get(rows(from), BYTE_LENGTH, load(from));
    t.deepEqual(loads, [0, 0]);
    t.is(cache.byteLength, 0);
  }
});

test("distinguishes encoding sizes", async (t) => {
  const cache = new EncodingCache(1000);
  const { loads, load } = counting();
  await cache.get(rows(0), BYTE_LENGTH, load(0));
  await cache.get(rows(0), 2 * BYTE_LENGTH, load(0));
  t.is(loads.length, 2);
});

test("concurrent requests share one load, even if nothing is kept", async (t) => {
  const cache = new EncodingCache(0);
  const { loads, load } = counting();
  const [one, two] = await Promise.all([0, 0].map((from) => cache.get(rows(from), BYTE_LENGTH, load(from))));
  t.is(one, two);
  t.deepEqual(loads, [0]);
});

test("does not keep a failed load", async (t) => {
  const cache = new EncodingCache(1000);
  const fail = () => Promise.reject(new Error("no database"));
  const both = [cache.get(rows(0), BYTE_LENGTH, fail), cache.get(rows(0), BYTE_LENGTH, fail)];
  for (const one of both) await t.throwsAsync(one, { message: "no database" });
  const { loads, load } = counting();
  await cache.get(rows(0), BYTE_LENGTH, load(0));
  t.deepEqual(loads, [0]);
});

test("a shared load is aborted only when all its requests are", async (t) => {
  const cache = new EncodingCache(1000);
  let given: AbortSignal | undefined;
  let finish = () => {};
  const load = (signal: AbortSignal) => {
    given = signal;
    return new Promise<StoredEncodings>((resolve) => (finish = () => resolve(encodings())));
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const one = cache.get(rows(0), BYTE_LENGTH, load, first.signal);
  const two = cache.get(rows(0), BYTE_LENGTH, load, second.signal);
  first.abort(new Error("first"));
  await t.throwsAsync(one, { message: "first" });
  t.false(given!.aborted);
  finish();
  t.is((await two).entityIds.length, 10);

  const alone = cache.get(rows(10), BYTE_LENGTH, load, second.signal);
  second.abort(new Error("second"));
  await t.throwsAsync(alone, { message: "second" });
  t.true(given!.aborted);
});
