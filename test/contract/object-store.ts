// The contract of every ObjectStore.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutionContext, TestFn } from "ava";
import { ServiceError } from "../../src/linkage/errors.js";
import type { ByteRange, ObjectStore } from "../../src/linkage/object-store.js";

export interface OpenedObjectStore {
  readonly store: ObjectStore;
  /** What the store keeps besides complete files: drafts, parts. */
  leftovers(): Promise<readonly string[]>;
}

export const MIB = 2 ** 20;

/** `byteLength` seeded bytes, in chunks of 256 KiB; each chunk overwrites the previous one. */
export async function* content(byteLength: number, seed = 1): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(MIB / 4);
  for (let from = 0; from < byteLength; from += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, byteLength - from));
    bytes.fill(seed);
    for (let n = 0; n + 4 <= bytes.length; n += 1024) bytes.writeUInt32LE((seed * 7919 + from + n) >>> 0, n);
    yield bytes;
  }
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

export async function digest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

/** The names that a store lists, sorted. */
export async function namesIn(store: ObjectStore, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.list(prefix)) names.push(name);
  return names.sort();
}

/** Content that fails after `byteLength` bytes. */
async function* failing(byteLength: number): AsyncGenerator<Uint8Array> {
  yield* content(byteLength);
  throw new Error("no more");
}

/** @param open opens an empty store for this test only, and closes it in a teardown */
export function testObjectStore(
  test: TestFn,
  open: (t: ExecutionContext) => Promise<OpenedObjectStore>,
): void {
  for (const byteLength of [0, 1, MIB + 1, 16 * MIB, 16 * MIB + 1, 40 * MIB]) {
    test(`stores a file of ${byteLength} bytes unchanged, put or streamed`, async (t) => {
      const { store, leftovers } = await open(t);
      const name = "similarity-scores/a.bin";
      t.is(await store.byteLengthOf(name), undefined);
      t.is(await store.find(name), undefined);
      for (const [seed, put] of [
        [1, () => store.put(name, () => content(byteLength, 1), byteLength)],
        [2, () => store.putStream(name, content(byteLength, 2))],
      ] as const) {
        await put();
        t.is(await store.byteLengthOf(name), byteLength);
        t.deepEqual(await store.find(name), { byteLength, metadata: {} });
        t.is(await digest(store.get(name)), await digest(content(byteLength, seed)));
      }
      t.deepEqual(await leftovers(), []);
    });
  }

  test("reads part of a file, up to its end", async (t) => {
    const { store } = await open(t);
    const whole = await bytesOf(content(3 * MIB));
    await store.putStream("a", content(3 * MIB));
    for (const [from, byteLength] of [
      [0, 1],
      [0, 3 * MIB],
      [MIB - 7, MIB + 14],
      [3 * MIB - 1, 1],
      [3 * MIB - 1, 100],
      [3 * MIB, 1],
      [4 * MIB, 1],
      [5, 0],
      [MIB, Number.POSITIVE_INFINITY],
    ] as const) {
      const part = await bytesOf(store.get("a", { from, byteLength }));
      t.true(part.equals(whole.subarray(from, from + byteLength)), `${from}, ${byteLength}`);
    }
    await store.put("empty", () => content(0), 0);
    for (const range of [undefined, { from: 0, byteLength: 10 }, { from: 7, byteLength: 10 }]) {
      t.is((await bytesOf(store.get("empty", range))).length, 0);
    }
  });

  for (const byteLength of [0, 1000, 20 * MIB]) {
    test(`a stream that fails after ${byteLength} bytes leaves the previous file`, async (t) => {
      const { store, leftovers } = await open(t);
      for (const before of [undefined, 5]) {
        if (before !== undefined) await store.put("a", () => content(before), before);
        await t.throwsAsync(store.putStream("a", failing(byteLength)), { message: "no more" });
        await t.throwsAsync(
          store.put("a", () => failing(byteLength), byteLength + 1),
          { message: "no more" },
        );
        t.is(await store.byteLengthOf("a"), before);
      }
      t.deepEqual(await leftovers(), []);
    });
  }

  test("content of an unexpected length is an error and leaves nothing", async (t) => {
    const { store, leftovers } = await open(t);
    for (const [byteLength, promised] of [
      [100, 99],
      [100, 101],
      [0, 1],
      [1, 0],
      [17 * MIB, 17 * MIB + 1],
      [17 * MIB, 17 * MIB - 1],
    ] as const) {
      const putting = store.put("a", () => content(byteLength), promised);
      await t.throwsAsync(putting, { message: new RegExp(`must have ${promised} bytes`) });
      t.is(await store.byteLengthOf("a"), undefined);
    }
    t.deepEqual(await leftovers(), []);
  });

  test("an abort ends a put with its reason and leaves nothing", async (t) => {
    const { store, leftovers } = await open(t);
    for (const byteLength of [MIB, 20 * MIB]) {
      for (const isStream of [true, false]) {
        const controller = new AbortController();
        async function* aborting() {
          let sent = 0;
          for await (const chunk of content(byteLength)) {
            yield chunk;
            if ((sent += chunk.length) === byteLength - MIB / 2) controller.abort(new Error("revoked"));
          }
        }
        const putting = isStream
          ? store.putStream("a", aborting(), controller.signal)
          : store.put("a", aborting, byteLength, controller.signal);
        await t.throwsAsync(putting, { message: "revoked" });
      }
    }
    t.is(await store.byteLengthOf("a"), undefined);
    t.deepEqual(await leftovers(), []);
  });

  test("an abort ends a get with its reason, and a read can stop early", async (t) => {
    const { store } = await open(t);
    await store.putStream("a", content(20 * MIB));
    const controller = new AbortController();
    const reading = async (signal?: AbortSignal) => {
      let received = 0;
      for await (const chunk of store.get("a", undefined, signal)) {
        received += chunk.length;
        if (signal === undefined) break;
        if (received > MIB) controller.abort(new Error("revoked"));
      }
    };
    await t.throwsAsync(reading(controller.signal), { message: "revoked" });
    await t.throwsAsync(bytesOf(store.get("a", undefined, controller.signal)), { message: "revoked" });
    for (let n = 0; n < 20; n++) await reading();
    t.is((await bytesOf(store.get("a"))).length, 20 * MIB);
  });

  test("one of several concurrent writes of a name wins, with all of its bytes", async (t) => {
    const { store, leftovers } = await open(t);
    const seeds = [1, 2, 3, 4];
    const lengthOf = (seed: number) => 17 * MIB + seed;
    await Promise.all(
      seeds.map((seed) =>
        seed % 2 === 0
          ? store.putStream("a", content(lengthOf(seed), seed))
          : store.put("a", () => content(lengthOf(seed), seed), lengthOf(seed)),
      ),
    );
    const seed = (await store.byteLengthOf("a"))! - 17 * MIB;
    t.true(seeds.includes(seed));
    t.is(await digest(store.get("a")), await digest(content(lengthOf(seed), seed)));
    t.deepEqual(await leftovers(), []);
  });

  test("reading a file that is replaced returns the old file or an error", async (t) => {
    const { store } = await open(t);
    await store.putStream("a", content(20 * MIB, 1));
    const replace = () => store.putStream("a", content(20 * MIB, 2));
    let replacing: Promise<void> | undefined;
    const chunks: Uint8Array[] = [];
    const reading = async () => {
      for await (const chunk of store.get("a")) {
        // Some servers block the writer until the reader is done.
        if (chunks.length === 0) await Promise.race([(replacing = replace()), sleep(1000)]);
        chunks.push(Uint8Array.from(chunk));
      }
    };
    const error: unknown = await reading().catch((reason) => reason);
    if (error === undefined) {
      const expected = await bytesOf(content(20 * MIB, 1));
      t.true(Buffer.concat(chunks).equals(expected));
    } else {
      t.is((error as ServiceError).code, "store-failed");
    }
    await replacing;
    t.is(await digest(store.get("a")), await digest(content(20 * MIB, 2)));
  });

  test("lists files by prefix, and removes them", async (t) => {
    const { store } = await open(t);
    const names = Array.from({ length: 1100 }, (_, n) => `similarity-scores/${n}.bin`);
    const others = ["similarity", "packed/0123", "packed/0124", "odd/a b+c%2F~(ä)€😀.bin", "odd/-_.json"];
    const all = [...names, ...others];
    for (let n = 0; n < all.length; n += 50) {
      await Promise.all(all.slice(n, n + 50).map((name) => store.put(name, async function* () {}, 0)));
    }
    const listed = (prefix: string) => namesIn(store, prefix);
    t.deepEqual(await listed(""), [...all].sort());
    t.deepEqual(await listed("similarity-"), [...names].sort());
    t.deepEqual(await listed("packed/012"), ["packed/0123", "packed/0124"]);
    t.deepEqual(await listed("odd/a b+c%2F~(ä"), ["odd/a b+c%2F~(ä)€😀.bin"]);
    t.deepEqual(await listed("none"), []);
    await store.remove([]);
    await store.remove([...names, "packed/0123", "never/was"]);
    await store.remove(["packed/0123"]);
    t.deepEqual(await listed(""), others.filter((name) => name !== "packed/0123").sort());
  });

  test("rejects names that lead elsewhere", async (t) => {
    const { store } = await open(t);
    const bad = ["", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb"];
    for (const name of [...bad, "a".repeat(1025), "\ud800"]) {
      const expected = { instanceOf: ServiceError, code: "invalid-arguments" };
      await t.throwsAsync(async () => store.put(name, () => content(1), 1), expected, name);
      await t.throwsAsync(async () => store.putStream(name, content(1)), expected, name);
      await t.throwsAsync(async () => bytesOf(store.get(name)), expected, name);
      await t.throwsAsync(async () => store.find(name), expected, name);
      await t.throwsAsync(async () => store.byteLengthOf(name), expected, name);
      await t.throwsAsync(async () => store.remove(["a", name]), expected, name);
    }
    t.deepEqual(await namesIn(store, ""), []);
  });

  test("the error for a missing file does not reveal the token in its name", async (t) => {
    const { store } = await open(t);
    const ranges: (ByteRange | undefined)[] = [
      undefined,
      { from: 0, byteLength: 0 },
      { from: 5, byteLength: 9 },
    ];
    for (const range of ranges) {
      const error = await t.throwsAsync(bytesOf(store.get("packed/secret", range)), {
        instanceOf: ServiceError,
        code: "missing-object",
        message: /packed\//,
      });
      t.false(JSON.stringify({ ...error, message: error?.message, stack: error?.stack }).includes("secret"));
    }
  });

  test("check() succeeds", async (t) => {
    const { store } = await open(t);
    await store.check();
    await t.throwsAsync(store.check(AbortSignal.abort(new Error("late"))), { message: "late" });
  });
}
