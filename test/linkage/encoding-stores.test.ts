import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FileObjectStore } from "../../src/adapters/embedded/file-object-store.js";
import type { WritableEncodingStore } from "../../src/linkage/encoding-store.js";
import { EncodingStores } from "../../src/linkage/encoding-stores.js";
import { ServiceError } from "../../src/linkage/errors.js";
import { testEncodingStore } from "../contract/encoding-store.js";
import { openPackedStore } from "../contract/packed-encoding-store.js";

async function openPacked(t: ExecutionContext) {
  const folder = mkdtempSync(join(tmpdir(), "packed-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return openPackedStore(await FileObjectStore.open(folder));
}

/** Records the calls that it gets. */
function fakeTables(calls: string[]): WritableEncodingStore {
  const refuse = (call: string) => async () => {
    calls.push(call);
    throw new ServiceError("missing-encodings", "tables");
  };
  return {
    fileOf: () => undefined,
    begin: refuse("begin"),
    remove: async () => void calls.push("remove"),
    readRange: refuse("readRange"),
    readBlocks: refuse("readBlocks"),
  };
}

testEncodingStore(test, async (t) => {
  const packed = await openPacked(t);
  const { store, uploads } = packed;
  const stores = new EncodingStores({ tables: fakeTables([]), packed: store, uploads, writesTo: "packed" });
  return { ...packed, store: stores };
});

test("reads each party from the store of its upload, which is looked up once", async (t) => {
  const { store: packed, uploads, addParty, finish } = await openPacked(t);
  const calls: string[] = [];
  let lookUps = 0;
  uploads.beforeAnswer = async () => void lookUps++;
  const stores = new EncodingStores({ tables: fakeTables(calls), packed, uploads, writesTo: "tables" });
  t.is(stores.fileOf("token"), undefined);
  const inTables = await addParty("in tables");
  uploads.uploads.set(inTables, { ...uploads.uploads.get(inTables)!, file: undefined });
  const inPacked = await addParty("packed");
  const writer = await packed.begin(inPacked, "packed", 8);
  await writer.write(new Uint8Array(80));
  await writer.commit(
    (async function* () {
      yield { name: "1", recordCount: 10, rows: Uint32Array.from({ length: 10 }, (_, n) => n) };
    })(),
  );
  const [blockId] = [...uploads.blocks.keys()];
  const readTables = () => stores.readBlocks(inTables, [1], 8);
  const readPacked = () => stores.readBlocks(inPacked, [blockId!], 8);
  await t.throwsAsync(readTables(), { message: /^tables/ });
  await finish(inTables);
  await finish(inPacked);
  lookUps = 0;
  for (let n = 0; n < 5; n++) {
    await t.throwsAsync(readTables(), { message: /^tables/ });
    t.is((await readPacked()).entityIds.length, 10);
  }
  t.is(lookUps, 3, "one each, and one of the packed store");
  await stores.remove(inPacked, "packed");
  t.is(uploads.blocks.size, 0);
  t.is(calls.at(-1), "remove");
});
