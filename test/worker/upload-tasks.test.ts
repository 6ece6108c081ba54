import test from "ava";
import type { Database } from "../../src/linkage/database.js";
import type { WritableEncodingStore } from "../../src/linkage/encoding-store.js";
import { ServiceError } from "../../src/linkage/errors.js";
import type { ByteRange, ObjectInfo } from "../../src/linkage/object-store.js";
import type { Project } from "../../src/linkage/project.js";
import type { TaskContext } from "../../src/linkage/task-queue.js";
import { hashBlockName } from "../../src/linkage/uploads/block-name-hash.js";
import { uploadTasks } from "../../src/worker/upload-tasks.js";
import { PROJECT_ID } from "../linkage/uploads/memory-parties.js";
import { BUCKET, clk, hex, setUp } from "../linkage/uploads/upload-set-up.js";

const RECEIPT = "c".repeat(48);
const RAW = `quarantine/${RECEIPT}.txt`;
const ROWS = `${PROJECT_ID}/1/rows.bin`;
const JSON_ROWS = `${PROJECT_ID}/1/rows.json`;
const BLOCKS = `${PROJECT_ID}/1/blocks.json`;

/** Files, each in chunks of 5 bytes. */
class MemoryFiles {
  readonly files = new Map<string, { bytes: Buffer; metadata: Record<string, string> }>();
  /** Awaited before a file's first bytes come. */
  beforeGet: () => Promise<void> = async () => {};

  put(name: string, content: string | Buffer, metadata: Record<string, string> = {}): void {
    this.files.set(name, { bytes: Buffer.from(content), metadata });
  }

  async find(name: string): Promise<ObjectInfo | undefined> {
    const file = this.files.get(name);
    return file && { byteLength: file.bytes.length, metadata: file.metadata };
  }

  async *get(name: string, range?: ByteRange): AsyncGenerator<Uint8Array> {
    await this.beforeGet();
    const file = this.files.get(name);
    if (file === undefined) throw new ServiceError("missing-object", "The file is missing.");
    const { from, byteLength } = range ?? { from: 0, byteLength: file.bytes.length };
    const bytes = file.bytes.subarray(from, from + byteLength);
    for (let at = 0; at < bytes.length; at += 5) yield bytes.subarray(at, at + 5);
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) this.files.delete(name);
  }
}

function setUpTasks(project: Partial<Project> = {}) {
  const given = setUp(project);
  const objects = new MemoryFiles();
  const bucket = new MemoryFiles();
  const stores = {
    database: given.database as unknown as Database,
    encodings: given.encodings as unknown as WritableEncodingStore,
    objects,
    external: { name: BUCKET, objects: bucket },
    tasks: given.tasks,
  };
  const definitions = uploadTasks(stores, given.options);
  const run = (name: string, parameters: object, context: Partial<TaskContext> = {}) => {
    const definition = definitions.find(
      (task) => task.name === `entityservice.tasks.encoding_uploading.${name}`,
    )!;
    const all = { project_id: PROJECT_ID, dp_id: 1, receipt_token: RECEIPT, ...parameters };
    return definition.run(all, { taskId: "t", ...context });
  };
  const file = (path: string, inBucket = BUCKET) => ({ bucket: inBucket, path });
  return {
    ...given,
    objects,
    bucket,
    raw: (context?: Partial<TaskContext>) => run("handle_raw_upload", {}, context),
    pull: (path: string, context?: Partial<TaskContext>, inBucket?: string) =>
      run(
        "pull_external_data_encodings_only",
        { object_info: file(path, inBucket), credentials: null },
        context,
      ),
    pullBoth: (path: string, blocks: string, context?: Partial<TaskContext>) =>
      run(
        "pull_external_data",
        { encoding_object_info: file(path), blocks_object_info: file(blocks) },
        context,
      ),
    fail: () => run("handle_upload_error", { args: ["id"] }),
    /** Sets the state that an API leaves when it has accepted the upload. */
    accept: async () => {
      await given.database.beginUpload(1, RECEIPT, undefined);
      await given.database.acceptPendingUpload(1, RECEIPT);
    },
  };
}

const RAW_TEXT = JSON.stringify({ clknblocks: [[clk(1), "x"], [clk(2), "x", 7], [clk(3)]] });
const ROW_BYTES = Buffer.concat([1, 2, 3].map((value) => Buffer.alloc(8, value)));
const THREE = hex(1) + hex(2) + hex(3);

async function hashed(blocks: Record<string, number[]>): Promise<[string, number[]][]> {
  const entries: [string, number[]][] = [];
  for (const [name, rows] of Object.entries(blocks)) entries.push([await hashBlockName(name), rows]);
  return entries.sort();
}

test("stores a raw upload of the Python API once, removes its file and starts the runs", async (t) => {
  const given = setUpTasks({ usesBlocking: true });
  given.objects.put(RAW, RAW_TEXT);
  await given.accept();
  Object.assign(given.database.party(2), { state: "done", upload: { state: "ready" } });
  await given.raw();
  t.is(given.encodings.rowsOf(1), THREE);
  t.deepEqual([...given.encodings.stored.get(1)!.blocks!].sort(), await hashed({ x: [0, 1], "7": [1] }));
  t.like(given.database.party(1), {
    state: "done",
    upload: { state: "ready", recordCount: 3, blockCount: 2, encodingSize: 8, file: `packed/${RECEIPT}` },
  });
  t.is(given.objects.files.size, 0);
  t.is(given.tasks.sent.length, 1);
  await given.raw();
  t.is(given.encodings.rowsOf(1), THREE);
  t.is(given.tasks.sent.length, 2, "the task may have been killed before it was sent");
});

test("an interrupted task stores the same data when repeated", async (t) => {
  const given = setUpTasks({ usesBlocking: true });
  given.objects.put(RAW, RAW_TEXT);
  await given.accept();
  for (const at of ["beforeWrite", "beforeCommit"] as const) {
    given.encodings[at] = () => Promise.reject(new Error("away"));
    await t.throwsAsync(given.raw(), { message: "away" });
    given.encodings[at] = async () => {};
  }
  given.database.beforeFinish = () => Promise.reject(new Error("away"));
  await t.throwsAsync(given.raw(), { message: "away" });
  given.database.beforeFinish = async () => {};
  t.is(given.database.party(1).upload?.state, "pending");
  t.is(given.objects.files.size, 1);
  await given.raw();
  t.is(given.encodings.rowsOf(1), THREE);
});

test("stores as many rows of a binary file as its metadata says, in one block", async (t) => {
  const given = setUpTasks();
  given.bucket.put(ROWS, Buffer.concat([ROW_BYTES, Buffer.alloc(5)]), {
    "hash-count": "3",
    "hash-size": "8",
  });
  await given.accept();
  await given.pull(ROWS);
  t.is(given.encodings.rowsOf(1), THREE);
  t.deepEqual([...given.encodings.stored.get(1)!.blocks!], await hashed({ "1": [0, 1, 2] }));
  t.is(given.bucket.files.size, 0);
  await given.pull(ROWS);
  t.is(given.database.party(1).upload?.state, "ready", "the file is gone, but so is the work");
});

test("stores JSON files with padded rows, and blocks", async (t) => {
  const given = setUpTasks({ usesBlocking: true });
  const metadata = { "hash-count": "3", "hash-size": "8" };
  given.bucket.put(JSON_ROWS, JSON.stringify({ clks: [clk(1, 7), clk(2), clk(3, 9), clk(4)] }), metadata);
  given.bucket.put(BLOCKS, JSON.stringify({ blocks: { "2": ["a"], "0": ["a", "b"] } }));
  // As the Python API sends it: the database has no upload, and the party is still in progress.
  given.database.party(1).state = "in_progress";
  await given.pullBoth(JSON_ROWS, BLOCKS);
  t.is(given.encodings.rowsOf(1), `${hex(1, 7)}00${hex(2)}${hex(3)}`);
  t.deepEqual([...given.encodings.stored.get(1)!.blocks!].sort(), await hashed({ a: [0, 2], b: [0] }));
  t.like(given.database.party(1), {
    state: "done",
    upload: { state: "ready", recordCount: 3, blockCount: 2 },
  });
  t.is(given.bucket.files.size, 0);
});

test("does not store uploads of a deleted project, and removes their files", async (t) => {
  const given = setUpTasks();
  given.objects.put(RAW, RAW_TEXT);
  for (const name of [ROWS, JSON_ROWS, BLOCKS]) given.bucket.put(name, "any");
  given.database.isDeleted = true;
  await given.raw();
  await given.pull(ROWS);
  await given.pullBoth(JSON_ROWS, BLOCKS);
  t.is(given.objects.files.size + given.bucket.files.size, 0);
  t.is(given.encodings.stored.size, 0);
  t.deepEqual(given.tasks.sent, []);
});

test("an upload whose project is deleted before it finishes leaves nothing", async (t) => {
  const given = setUpTasks();
  given.objects.put(RAW, RAW_TEXT);
  await given.accept();
  given.database.beforeFinish = async () => {
    given.database.isDeleted = true;
  };
  await given.raw();
  t.is(given.encodings.stored.size, 0);
  t.is(given.objects.files.size, 0);
});

test("an unusable file fails its upload at once and is kept", async (t) => {
  const metadata = { "hash-count": "3", "hash-size": "8" };
  const rows = JSON.stringify({ clks: [clk(1), clk(2)] });
  type Given = ReturnType<typeof setUpTasks>;
  type File = Parameters<MemoryFiles["put"]>;
  const sizeless = { "hash-count": "3", "hash-size": "x" };
  const short = ROW_BYTES.subarray(1);
  const mixed = JSON.stringify({ clknblocks: [[clk(1)], [clk(2, 9)]] });
  const wrongBlocks = '{"blocks": {"3": ["a"]}}';
  const pull = (given: Given) => given.pull(ROWS);
  const pullJson = (given: Given) => given.pull(JSON_ROWS);
  const pullBoth = (given: Given) => given.pullBoth(ROWS, BLOCKS);
  const raw = (given: Given) => given.raw();
  const cases: readonly (readonly [RegExp, (given: Given) => Promise<unknown>, ...files: File[]])[] = [
    [/metadata hash-count must be .*, but is missing/, pull, [ROWS, ROW_BYTES]],
    [/metadata hash-size/, pull, [ROWS, ROW_BYTES, sizeless]],
    [/must have 24 bytes .*, not 23 bytes/, pull, [ROWS, short, metadata]],
    [/Expected 3 rows, but the upload has 2/, pullJson, [JSON_ROWS, rows, metadata]],
    [/row indices .* must be below 3, not 3/, pullBoth, [ROWS, ROW_BYTES, metadata], [BLOCKS, wrongBlocks]],
    [/party's own path/, (given) => given.pull(`${PROJECT_ID}/12/rows.bin`)],
    [/party's own path/, (given) => given.pull(ROWS, {}, "entityservice")],
    [/clknblocks/, raw, [RAW, rows]],
    [/Row 1 .*9 bytes/, raw, [RAW, mixed]],
  ];
  for (const [message, run, ...files] of cases) {
    const given = setUpTasks();
    for (const [name, content, about] of files) {
      (name === RAW ? given.objects : given.bucket).put(name, content, about);
    }
    await given.accept();
    await t.throwsAsync(run(given), { code: "invalid-arguments", message });
    t.like(given.database.party(1), { state: "error", upload: { state: "error" } }, String(message));
    t.is(given.encodings.stored.size, 0);
    t.is(given.objects.files.size + given.bucket.files.size, files.length);
  }
});

test("a missing file fails the upload at the last try", async (t) => {
  const given = setUpTasks();
  await given.accept();
  await t.throwsAsync(given.pull(ROWS), { code: "missing-object" });
  t.is(given.database.party(1).upload?.state, "pending");
  await t.throwsAsync(given.pull(ROWS, { isLastTry: true }), { code: "missing-object" });
  t.like(given.database.party(1), { state: "error", upload: { state: "error" } });
});

test("rows of an unsupported size put the upload in error and fail the runs", async (t) => {
  const given = setUpTasks({ schema: { clkConfig: { l: 1024 } } });
  given.objects.put(RAW, RAW_TEXT);
  await given.accept();
  await given.raw();
  t.like(given.database.party(1), { state: "error", upload: { state: "error", encodingSize: 8 } });
  t.regex(given.database.failures[0]!, /must have 128 bytes.* have 8 bytes/);
  t.is(given.encodings.stored.size, 0);
});

test("the error handler fails a pending upload, but neither a stored nor a later one", async (t) => {
  const given = setUpTasks();
  await given.accept();
  await given.encodings.begin(1, RECEIPT, 8);
  await given.fail();
  t.like(given.database.party(1), { state: "error", upload: { state: "error" } });
  t.is(given.encodings.stored.size, 0);

  const again = setUpTasks();
  again.objects.put(RAW, RAW_TEXT);
  await again.accept();
  await again.raw();
  await again.fail();
  t.is(again.database.party(1).upload?.state, "ready");

  const later = setUpTasks();
  await later.database.beginUpload(1, "f".repeat(48), undefined);
  await later.fail();
  t.like(later.database.party(1), { state: "in_progress", upload: { state: "pending" } });
});
