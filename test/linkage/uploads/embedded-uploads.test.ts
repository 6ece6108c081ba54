// Uploads on the stores of an embedded service: what was sent can be read back.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { EmbeddedDatabase } from "../../../src/adapters/embedded/embedded-database.js";
import { FileObjectStore } from "../../../src/adapters/embedded/file-object-store.js";
import { MemoryRunCache } from "../../../src/adapters/embedded/memory-run-cache.js";
import { PackedEncodingStore } from "../../../src/linkage/packed-encodings/packed-encoding-store.js";
import { randomCode } from "../../../src/linkage/random-code.js";
import { receiveBinaryUpload } from "../../../src/linkage/uploads/receive-binary-upload.js";
import { receiveJsonUpload } from "../../../src/linkage/uploads/receive-json-upload.js";
import { quarantineFile, storeRawUpload } from "../../../src/linkage/uploads/store-raw-upload.js";
import { MemoryTasks } from "./memory-parties.js";
import { bodyOf, clk, hex, setUp } from "./upload-set-up.js";

const folder = mkdtempSync(join(tmpdir(), "embedded-uploads-"));
const { options } = setUp();
let database: EmbeddedDatabase;
let objects: FileObjectStore;

test.before(async () => {
  database = await EmbeddedDatabase.inMemory();
  objects = await FileObjectStore.open(join(folder, "objects"));
});
test.after.always(async () => {
  await database.close();
  rmSync(folder, { recursive: true });
});

async function addProject(usesBlocking: boolean) {
  const [projectId, left, right] = [randomCode(), randomCode(), randomCode()];
  const description = {
    resultToken: randomCode(),
    resultType: "groups" as const,
    schema: {},
    name: "",
    notes: "",
  };
  await database.addProject({ ...description, projectId, partyCount: 2, usesBlocking }, [left, right]);
  const encodings = new PackedEncodingStore(objects, database);
  const stores = { database, encodings, cache: new MemoryRunCache(), tasks: new MemoryTasks() };
  const party = async (index: number) => (await database.listDataproviders(projectId))[index]!;
  return {
    stores,
    projectId,
    party,
    left: { projectId, updateToken: left },
    right: { projectId, updateToken: right },
    /** The encodings of a party's blocks, in hexadecimal, and their entity ids. */
    read: async (index: number, blockIds: readonly number[]) => {
      const { dataset, entityIds } = await encodings.readBlocks((await party(index)).id, blockIds, 8);
      return { rows: Buffer.from(dataset.bytes).toString("hex"), entityIds: [...entityIds] };
    },
    common: async () => {
      const found = [];
      const [{ id: leftId }, { id: rightId }] = [await party(0), await party(1)];
      for await (const block of database.listCommonBlocks(leftId, rightId)) found.push(block);
      return found;
    },
  };
}

test.serial("JSON and binary uploads share the single block of all rows", async (t) => {
  const given = await addProject(false);
  await receiveJsonUpload(
    given.stores,
    options,
    given.left,
    bodyOf(JSON.stringify({ clks: [clk(1), clk(2)] })),
  );
  const headers = { hashCount: "3", hashSize: "8", stateWhenRefused: "error" as const };
  const rows = Buffer.concat([3, 4, 5].map((value) => Buffer.alloc(8, value)));
  await receiveBinaryUpload(given.stores, options, { ...given.right, ...headers }, bodyOf(rows));
  const [block, ...others] = await given.common();
  t.like(block, { leftCount: 2, rightCount: 3 });
  t.is(others.length, 0);
  t.is((await given.read(0, [block!.leftBlockId])).rows, hex(1) + hex(2));
  t.is((await given.read(1, [block!.rightBlockId])).rows, hex(3) + hex(4) + hex(5));
  t.is(given.stores.tasks.sent.length, 1);
});

test.serial("rejected uploads leave no files or rows, and the party can retry", async (t) => {
  const given = await addProject(true);
  const files = () => readdirSync(join(folder, "objects"), { recursive: true, withFileTypes: true });
  const count = files().filter((entry) => entry.isFile()).length;
  const rows = Array.from({ length: 900 }, (_, n) => [clk(n % 256), n % 7]);
  const wrong = JSON.stringify({ clknblocks: [...rows, ["AA=="]] });
  await t.throwsAsync(receiveJsonUpload(given.stores, options, given.left, bodyOf(wrong)), {
    code: "invalid-request",
    message: /^Row 900 is invalid: /,
  });
  t.like(await given.party(0), { state: "not_started", upload: undefined });
  t.is(files().filter((entry) => entry.isFile()).length, count);
  const sound = JSON.stringify({ clknblocks: rows });
  const results = await Promise.allSettled([
    receiveJsonUpload(given.stores, options, given.left, bodyOf(sound)),
    receiveJsonUpload(given.stores, options, given.left, bodyOf(sound)),
    receiveJsonUpload(given.stores, options, given.right, bodyOf(sound)),
  ]);
  t.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "fulfilled", "rejected"]);
  const common = await given.common();
  t.is(common.length, 7);
  t.is(
    common.reduce((sum, { leftCount }) => sum + leftCount, 0),
    900,
  );
  for (const { leftBlockId } of common) {
    const { rows: stored, entityIds } = await given.read(0, [leftBlockId]);
    const block = entityIds[0]! % 7;
    t.true(entityIds.every((row, n) => row === block + 7 * n));
    t.is(stored, entityIds.map((row) => hex(row % 256)).join(""));
  }
});

test.serial("rejects an upload while another is in progress", async (t) => {
  const given = await addProject(false);
  await database.beginUpload((await given.party(0)).id, randomCode(), undefined);
  const body = JSON.stringify({ clks: [clk(1)] });
  await t.throwsAsync(receiveJsonUpload(given.stores, options, given.left, bodyOf(body)), {
    code: "forbidden",
  });
});

test.serial("rows of an unsupported size put the party in error, and it can retry", async (t) => {
  const given = await addProject(false);
  await receiveJsonUpload(given.stores, options, given.left, bodyOf(JSON.stringify({ clks: [clk(1, 20)] })));
  t.like(await given.party(0), { state: "error", upload: { state: "error", encodingSize: 20 } });
  await receiveJsonUpload(given.stores, options, given.left, bodyOf(JSON.stringify({ clks: [clk(1)] })));
  t.like(await given.party(0), { state: "done", upload: { state: "ready", encodingSize: 8 } });
});

test.serial("stores a raw upload of the Python API, also if repeated", async (t) => {
  const given = await addProject(true);
  const { id: dataproviderId } = await given.party(0);
  const receiptToken = randomCode();
  const text = Buffer.from(
    JSON.stringify({
      clknblocks: [
        [clk(1), "x"],
        [clk(2), "x"],
      ],
    }),
  );
  await objects.put(quarantineFile(receiptToken), () => bodyOf(text), text.length);
  const upload = { projectId: given.projectId, dataproviderId, receiptToken };
  const store = () => storeRawUpload({ ...given.stores, objects }, options, upload);
  await store();
  await store();
  t.like(await given.party(0), { state: "done", upload: { state: "ready", recordCount: 2, blockCount: 1 } });
  t.is(await objects.byteLengthOf(quarantineFile(receiptToken)), undefined);
});
