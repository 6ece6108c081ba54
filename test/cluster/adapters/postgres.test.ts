import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import pg from "pg";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../../../src/adapters/postgres/database.js";
import { PostgresEncodingStore } from "../../../src/adapters/postgres/encoding-store.js";
import { ServiceError } from "../../../src/linkage/errors.js";
import { randomClks, seededRandom } from "../../random-clks.js";
import { storeProject } from "../../servers/entity-service-data.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";

const BYTE_LENGTH = 16;
const RETRY = { firstDelayMs: 20, maxRetryTimeMs: 120_000 };

let server: PostgresServer;
let admin: pg.Pool;
let pool: ConnectionPool;
let encodings: PostgresEncodingStore;
let runs: PostgresDatabase;

function connect(maxConnections = 3): ConnectionPool {
  const connection = server.connection("entityservice");
  return new ConnectionPool({ ...connection, minConnections: 0, maxConnections, retry: RETRY });
}

test.before(async () => {
  server = await startPostgres();
  await server.createDatabase("entityservice");
  admin = new pg.Pool(server.connection("entityservice"));
  admin.on("error", () => {});
  pool = connect();
  await pool.waitUntilReady();
  encodings = new PostgresEncodingStore(pool);
  runs = new PostgresDatabase(pool);
});

test.after.always(async () => {
  await pool?.close();
  await admin?.end();
  await server?.remove();
});

const dataset = randomClks(seededRandom(1), { recordCount: 500, byteLength: BYTE_LENGTH });

/** The concatenated bytes of some records. */
function rowsOf({ bytes }: { bytes: Uint8Array }, rows: Iterable<number>): Uint8Array {
  return Uint8Array.from(
    [...rows].flatMap((row) => [...bytes.subarray(row * BYTE_LENGTH, (row + 1) * BYTE_LENGTH)]),
  );
}

function* range(from: number, to: number, step = 1): Generator<number> {
  for (let n = from; n < to; n += step) yield n;
}

test("without blocking, ranges of a block are ranges of rows, in shared memory", async (t) => {
  const { parties } = await storeProject(admin, [{ dataset }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  for (const [from, to] of [
    [0, 500],
    [0, 1],
    [123, 321],
    [499, 500],
    [490, 600],
  ] as const) {
    const read = await encodings.readRange({ dataproviderId, blockId, from, to }, BYTE_LENGTH);
    const rows = [...range(from, Math.min(to, 500))];
    t.deepEqual([...read.entityIds], rows);
    t.deepEqual(new Uint8Array(read.dataset.bytes), rowsOf(dataset, rows));
    t.is(read.dataset.recordCount, rows.length);
    t.true(read.dataset.bytes.buffer instanceof SharedArrayBuffer);
  }
});

test("ranges of a block select its own rows, ordered by entity id", async (t) => {
  const names = Array.from({ length: 500 }, (_, row) => (row % 7 === 3 ? ["seven"] : ["other", "more"]));
  const { parties } = await storeProject(admin, [{ dataset, blocks: names }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("seven")!;
  const read = await encodings.readRange({ dataproviderId, blockId, from: 10, to: 20 }, BYTE_LENGTH);
  const rows = [...range(3, 500, 7)].slice(10, 20);
  t.deepEqual([...read.entityIds], rows);
  t.deepEqual(new Uint8Array(read.dataset.bytes), rowsOf(dataset, rows));
});

test("reads many blocks at once in the requested order, each encoding once", async (t) => {
  const random = seededRandom(2);
  const names = Array.from({ length: 500 }, () => [
    ...new Set(Array.from({ length: Math.floor(random() * 5) }, () => String(Math.floor(random() * 300)))),
  ]);
  const { parties } = await storeProject(admin, [{ dataset }, { dataset, blocks: names }]);
  const { dataproviderId, blocks } = parties[1]!;
  const wanted = [...blocks.keys()].filter((_, n) => n % 3 !== 0).reverse();
  const blockIds = wanted.map((name) => blocks.get(name)!.blockId);
  const read = await encodings.readBlocks(dataproviderId, blockIds, BYTE_LENGTH);
  const expectedRows = [...range(0, 500)].filter((row) => names[row]!.some((name) => wanted.includes(name)));
  t.deepEqual([...read.entityIds], expectedRows);
  t.deepEqual(new Uint8Array(read.dataset.bytes), rowsOf(dataset, expectedRows));
  t.true(read.dataset.bytes.buffer instanceof SharedArrayBuffer);
  wanted.forEach((name, n) => {
    const records = [...read.records.subarray(read.starts[n]!, read.starts[n + 1]!)];
    const rows = records.map((record) => read.entityIds[record]!);
    t.deepEqual(
      rows,
      [...range(0, 500)].filter((row) => names[row]!.includes(name)),
    );
  });
  t.is(read.starts.length, wanted.length + 1);
});

test("an entity that is in a block twice counts once", async (t) => {
  const { parties } = await storeProject(admin, [{ dataset }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  await admin.query("INSERT INTO encodingblocks SELECT * FROM encodingblocks WHERE block_id = $1", [blockId]);
  const rows = [...range(0, 500)];
  const all = await encodings.readRange({ dataproviderId, blockId, from: 0, to: 1000 }, BYTE_LENGTH);
  t.deepEqual([...all.entityIds], rows);
  const block = await encodings.readBlocks(dataproviderId, [blockId], BYTE_LENGTH);
  t.deepEqual([...block.records], rows);
});

test("missing encodings and other encoding sizes are errors", async (t) => {
  const { parties } = await storeProject(admin, [{ dataset }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  const codeOf = async (promise: Promise<unknown>) =>
    (await t.throwsAsync(promise, { instanceOf: ServiceError }))?.code;
  const rows = { dataproviderId, blockId, from: 500, to: 510 };
  t.is(await codeOf(encodings.readRange(rows, BYTE_LENGTH)), "missing-encodings");
  t.is(await codeOf(encodings.readRange({ ...rows, blockId: 999_999 }, BYTE_LENGTH)), "missing-encodings");
  t.is(
    await codeOf(encodings.readBlocks(dataproviderId, [blockId, 999_999], BYTE_LENGTH)),
    "missing-encodings",
  );
  t.is(await codeOf(encodings.readRange({ ...rows, from: 0 }, 8)), "invalid-encodings");
  t.is(await codeOf(encodings.readBlocks(dataproviderId, [blockId], 24)), "invalid-encodings");
  t.is(await codeOf(encodings.readBlocks(dataproviderId, [Number.NaN], 24)), "invalid-arguments");
});

test("streams a large block through one connection", async (t) => {
  const large = randomClks(seededRandom(3), { recordCount: 60_000, byteLength: 64 });
  const { parties } = await storeProject(admin, [{ dataset: large }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  const read = await encodings.readRange({ dataproviderId, blockId, from: 0, to: 60_000 }, 64);
  t.is(Buffer.compare(Buffer.from(read.dataset.bytes), Buffer.from(large.bytes)), 0);
  const block = await encodings.readBlocks(dataproviderId, [blockId], 64);
  t.is(Buffer.compare(Buffer.from(block.dataset.bytes), Buffer.from(large.bytes)), 0);
});

test("an abort cancels the read on the server, and the next read succeeds", async (t) => {
  const { parties } = await storeProject(admin, [{ dataset }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  const single = connect(1);
  t.teardown(() => single.close());
  const store = new PostgresEncodingStore(single);
  const lock = await admin.connect();
  await lock.query("BEGIN");
  await lock.query("LOCK TABLE encodings");
  const controller = new AbortController();
  const rows = { dataproviderId, blockId, from: 0, to: 500 };
  const reading = store.readRange(rows, BYTE_LENGTH, controller.signal);
  await sleep(200);
  controller.abort(new Error("revoked"));
  await t.throwsAsync(reading, { message: "revoked" });
  await lock.query("COMMIT");
  lock.release();
  t.is((await store.readRange(rows, BYTE_LENGTH)).entityIds.length, 500);
});

test("more readers than connections wait for a free one", async (t) => {
  const { parties } = await storeProject(admin, [{ dataset }]);
  const { dataproviderId, blocks } = parties[0]!;
  const { blockId } = blocks.get("1")!;
  const reads = await Promise.all(
    Array.from({ length: 20 }, (_, from) =>
      encodings.readRange({ dataproviderId, blockId, from, to: 500 }, BYTE_LENGTH),
    ),
  );
  t.deepEqual(
    reads.map(({ entityIds }) => entityIds.length),
    Array.from({ length: 20 }, (_, from) => 500 - from),
  );
  const { rows } = await admin.query(
    "SELECT count(*)::integer AS count FROM pg_stat_activity WHERE application_name LIKE 'anonlink-wasm %'",
  );
  t.true(rows[0].count <= 3 + 2, "three of this pool, and one each of two other tests");
});

test("a server error is thrown at once, and the connection stays usable", async (t) => {
  await admin.query("CREATE DATABASE empty");
  const connection = server.connection("empty");
  const other = new ConnectionPool({ ...connection, minConnections: 0, maxConnections: 1, retry: RETRY });
  t.teardown(() => other.close());
  const store = new PostgresEncodingStore(other);
  const rows = { dataproviderId: 1, blockId: 1, from: 0, to: 10 };
  await t.throwsAsync(store.readRange(rows, BYTE_LENGTH), { code: "42P01" });
  t.deepEqual(await other.query("SELECT 7 AS seven", []), [{ seven: 7 }]);
});

test("a wrong password fails at once without being revealed", async (t) => {
  const connection = { ...server.connection("entityservice"), password: "a-wrong-one" };
  const other = new ConnectionPool({ ...connection, minConnections: 0, maxConnections: 1, retry: RETRY });
  t.teardown(() => other.close());
  const error = await t.throwsAsync(other.waitUntilReady(), { code: "28P01" });
  t.false(error?.message.includes("a-wrong-one"));
});

test("reads the state of a run", async (t) => {
  const { projectId, runId } = await storeProject(admin, [{ dataset }]);
  t.is(await runs.runState(projectId, runId), "running");
  t.is(await runs.runState(projectId, "0".repeat(48)), undefined);
  t.is(await runs.runState("0".repeat(48), runId), undefined);
  await admin.query("UPDATE projects SET marked_for_deletion = true WHERE project_id = $1", [projectId]);
  t.is(await runs.runState(projectId, runId), undefined);
});

test("only an unfinished run can fail", async (t) => {
  const { projectId, runId } = await storeProject(admin, [{ dataset }]);
  t.true(await runs.failRun(runId, "too many"));
  t.is(await runs.runState(projectId, runId), "error");
  t.false(await runs.failRun(runId, "something else"));
  const { rows } = await admin.query(
    "SELECT error_msg, time_completed IS NOT NULL AS ended FROM runs WHERE run_id = $1",
    [runId],
  );
  t.deepEqual(rows, [{ error_msg: "too many", ended: true }]);
  await admin.query("UPDATE runs SET state = 'completed' WHERE run_id = $1", [runId]);
  t.false(await runs.failRun(runId, "late"));
  t.is(await runs.runState(projectId, runId), "completed");
  t.false(await runs.failRun("0".repeat(48), "nobody's"));
});
