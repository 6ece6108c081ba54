import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FileObjectStore } from "../../../src/adapters/embedded/file-object-store.js";
import type { BlockMembers } from "../../../src/linkage/encoding-store.js";
import { ServiceError } from "../../../src/linkage/errors.js";
import type { ByteRange, ObjectStore } from "../../../src/linkage/object-store.js";
import { PackedEncodingStore } from "../../../src/linkage/packed-encodings/packed-encoding-store.js";
import { testEncodingStore } from "../../contract/encoding-store.js";
import { openPackedStore } from "../../contract/packed-encoding-store.js";

async function open(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "packed-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const objects = await FileObjectStore.open(folder);
  return { ...openPackedStore(objects), objects, folder };
}

testEncodingStore(test, open);

test("an aborted upload leaves no draft", async (t) => {
  const { store, addParty, folder } = await open(t);
  const writer = await store.begin(await addParty("token"), "token", 8);
  await writer.write(new Uint8Array(8 * 1000));
  t.is(readdirSync(folder).length, 1);
  await writer.abort();
  t.deepEqual(readdirSync(folder), []);
});

/** Records the ranges that are requested from an object store. */
function watched(objects: ObjectStore, ranges: ByteRange[]): ObjectStore {
  return new Proxy(objects, {
    get(target, property: keyof ObjectStore) {
      if (property !== "get") return target[property].bind(target);
      return (name: string, range: ByteRange, signal?: AbortSignal) => {
        ranges.push(range);
        return target.get(name, range, signal);
      };
    },
  });
}

/** 100,000 encodings of 64 bytes: one block of all of them, and 20,000 blocks of two each. */
async function storeLarge(t: ExecutionContext) {
  const opened = await open(t);
  const ranges: ByteRange[] = [];
  const objects = watched(opened.objects, ranges);
  const store = new PackedEncodingStore(objects, opened.uploads);
  const dataproviderId = await opened.addParty("token");
  const writer = await store.begin(dataproviderId, "token", 64);
  await writer.write(new Uint8Array(64 * 100_000));
  async function* blocks(): AsyncGenerator<BlockMembers> {
    const all = Uint32Array.from({ length: 100_000 }, (_, n) => n);
    yield { name: "all", recordCount: 100_000, rows: all };
    for (let n = 0; n < 20_000; n++) {
      const rows = Uint32Array.of(n, 50_000 + n);
      yield { name: `${n}`, recordCount: 2, rows };
    }
  }
  await writer.commit(blocks());
  await opened.finish(dataproviderId);
  return { ...opened, store, dataproviderId, ranges, ids: await opened.blocksOf(dataproviderId) };
}

test("reading a range of the block of all rows requests only those bytes", async (t) => {
  const { store, dataproviderId, ranges, ids } = await storeLarge(t);
  const blockId = ids.get("all")!;
  await store.readRange({ dataproviderId, blockId, from: 0, to: 1 }, 64); // finds the block
  ranges.length = 0;
  await store.readRange({ dataproviderId, blockId, from: 1000, to: 31_000 }, 64);
  t.deepEqual(ranges.at(-1), { from: 64_000, byteLength: 64 * 30_000 });
  t.true(ranges.length <= 2, "one for the index page of a file with many blocks");
});

test("reads thousands of small blocks with few requests", async (t) => {
  const { store, dataproviderId, ranges, ids } = await storeLarge(t);
  const blockIds = Array.from({ length: 5000 }, (_, n) => ids.get(`${(n * 7) % 20_000}`)!);
  const read = await store.readBlocks(dataproviderId, blockIds, 64);
  t.is(read.records.length, 10_000);
  t.true(ranges.length <= 8, JSON.stringify(ranges));
});

test("a truncated file, or one of another version or format, is an error", async (t) => {
  const { store, dataproviderId, folder, uploads, objects, ids } = await storeLarge(t);
  const path = join(folder, readdirSync(folder)[0]!);
  const whole = readFileSync(path);
  const blockId = ids.get("all")!;
  const read = (reader: PackedEncodingStore) =>
    reader.readRange({ dataproviderId, blockId, from: 0, to: 10 }, 64);
  const damaged = [
    [whole.subarray(0, -1), /signature/],
    [whole.subarray(100), /it has \d+ bytes, not \d+\.$/],
    [whole.subarray(0, 10), /trailer/],
    [Buffer.alloc(0), /trailer/],
    [Buffer.concat([whole.subarray(0, -1), Buffer.of(2)]), /its version is 2, not 1\.$/],
  ] as const;
  for (const [bytes, message] of damaged) {
    writeFileSync(path, bytes);
    const fresh = new PackedEncodingStore(objects, uploads);
    await t.throwsAsync(read(fresh), { instanceOf: ServiceError, code: "store-failed", message });
  }
  writeFileSync(path, whole);
  t.is((await read(store)).entityIds.length, 10);
  rmSync(path);
  await t.throwsAsync(read(new PackedEncodingStore(objects, uploads)), { code: "missing-object" });
  await t.throwsAsync(read(store), { code: "missing-object" });
  writeFileSync(path, whole);
  t.is((await read(store)).entityIds.length, 10, "found again");
});

test("writes files as described in docs/packed-encodings.md", async (t) => {
  const { store, addParty, folder, blocksOf } = await open(t);
  const dataproviderId = await addParty("token");
  const writer = await store.begin(dataproviderId, "token", 8);
  const rows = Buffer.from(Array.from({ length: 32 }, (_, n) => n));
  await writer.write(rows);
  async function* blocks(): AsyncGenerator<BlockMembers> {
    yield { name: "listed", recordCount: 2, rows: Uint32Array.of(0, 3) };
    yield { name: "consecutive", recordCount: 2, rows: Uint32Array.of(1, 2) };
  }
  await writer.commit(blocks());
  const ids = await blocksOf(dataproviderId);
  const file = readFileSync(join(folder, "packed%2Ftoken"));
  const expected = Buffer.alloc(8 + 32 + 16 + 32);
  expected.writeUInt32LE(3, 4); // the list: records 0 and 3
  const entries = [
    [ids.get("listed")!, 2, 32, 0],
    [ids.get("consecutive")!, 2, 1, 1],
  ] as const;
  [...entries]
    .sort(([a], [b]) => a - b)
    .forEach(([id, count, position, kind], n) => {
      expected.writeUInt32LE(id, 8 + 16 * n);
      expected.writeUInt32LE(count, 12 + 16 * n);
      expected.writeUIntLE(position, 16 + 16 * n, 6);
      expected.writeUInt16LE(kind, 22 + 16 * n);
    });
  expected.writeUInt32LE(Math.min(...ids.values()), 40); // the page list
  expected.writeUInt32LE(2, 44);
  expected.writeUIntLE(40, 48, 6);
  expected.writeUIntLE(72, 56, 6); // the trailer
  expected.writeUInt32LE(1, 64);
  expected.writeUInt32LE(2, 68);
  expected.writeUInt32LE(4, 72);
  expected.writeUInt32LE(8, 76);
  expected.set(Buffer.from("CLKROWS"), 80);
  expected[87] = 1;
  t.deepEqual(file.subarray(0, 32), rows);
  t.deepEqual(file.subarray(32), expected);
});
