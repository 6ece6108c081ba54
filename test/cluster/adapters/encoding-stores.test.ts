// The contract of encoding stores, on a real PostgreSQL and a real S3 server.
import { randomBytes } from "node:crypto";
import test, { type ExecutionContext, type TestFn } from "ava";
import pg from "pg";
import { MinioObjectStore } from "../../../src/adapters/minio/object-store.js";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresEncodingStore } from "../../../src/adapters/postgres/encoding-store.js";
import { until } from "../../celery/until.js";
import { testEncodingStore } from "../../contract/encoding-store.js";
import { openPackedStore } from "../../contract/packed-encoding-store.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";
import { type S3Server, startS3 } from "../../servers/s3.js";

let s3: S3Server;
let postgres: PostgresServer;
let admin: pg.Pool;
let pool: ConnectionPool;

test.before(async () => {
  [s3, postgres] = await Promise.all([startS3(), startPostgres()]);
  await postgres.createDatabase("entityservice");
  admin = new pg.Pool(postgres.connection("entityservice"));
  admin.on("error", () => {});
  const retry = { firstDelayMs: 20, maxRetryTimeMs: 120_000 };
  const connection = postgres.connection("entityservice");
  pool = new ConnectionPool({ ...connection, minConnections: 0, maxConnections: 4, retry });
});

test.after.always(async () => {
  await pool?.close();
  await admin?.end();
  await postgres?.remove();
  await s3?.remove();
});

/** Makes titles unique, because the contract runs twice in this file. */
const titled = (store: string) =>
  ((title: string, body: (t: ExecutionContext) => Promise<void>) =>
    test(`${store}: ${title}`, body)) as unknown as TestFn;

let buckets = 0;
testEncodingStore(titled("packed"), async () => {
  const { host, port, accessKey, secretKey } = s3;
  const bucket = `packed-${++buckets}`;
  return openPackedStore(new MinioObjectStore({ host, port, accessKey, secretKey, bucket, secure: false }));
});

const id = () => randomBytes(24).toString("hex");

async function addUpload(dataproviderId: number, receiptToken: string): Promise<void> {
  await admin.query("INSERT INTO uploads (dp, token, state, count) VALUES ($1, $2, 'pending', 0)", [
    dataproviderId,
    receiptToken,
  ]);
}

async function openTables() {
  const projectId = id();
  await admin.query(
    "INSERT INTO projects (project_id, access_token, schema, result_type) VALUES ($1, $2, '{}', 'groups')",
    [projectId, id()],
  );
  return {
    store: new PostgresEncodingStore(pool),
    async addParty(receiptToken: string) {
      const { rows } = await admin.query<{ id: number }>(
        "INSERT INTO dataproviders (token, uploaded, project) VALUES ($1, 'in_progress', $2) RETURNING id",
        [id(), projectId],
      );
      await addUpload(rows[0]!.id, receiptToken);
      return rows[0]!.id;
    },
    async takeOver(dataproviderId: number, receiptToken: string) {
      await admin.query("DELETE FROM uploads WHERE dp = $1", [dataproviderId]);
      await addUpload(dataproviderId, receiptToken);
    },
    async finish(dataproviderId: number) {
      await admin.query("UPDATE uploads SET state = 'ready' WHERE dp = $1", [dataproviderId]);
    },
    async blocksOf(dataproviderId: number) {
      const { rows } = await admin.query<{ block_name: string; block_id: number }>(
        "SELECT block_name, block_id FROM blocks WHERE dp = $1",
        [dataproviderId],
      );
      return new Map(rows.map((row) => [row.block_name.trim(), row.block_id]));
    },
    async countStored(dataproviderId: number) {
      const { rows } = await admin.query<{ count: number }>(
        `SELECT (SELECT count(*) FROM blocks WHERE dp = $1)::integer
              + (SELECT count(*) FROM encodings WHERE dp = $1)::integer
              + (SELECT count(*) FROM encodingblocks WHERE dp = $1)::integer AS count`,
        [dataproviderId],
      );
      return rows[0]!.count;
    },
  };
}

testEncodingStore(titled("tables"), openTables);

test("tables: rows have the format that Python workers read", async (t) => {
  const { store, addParty, finish, blocksOf } = await openTables();
  const receiptToken = id();
  const dp = await addParty(receiptToken);
  const writer = await store.begin(dp, receiptToken, 8);
  await writer.write(Buffer.from("0102030405060708f1f2f3f4f5f6f7f8", "hex"));
  const name = "0123456789abcdef".repeat(4);
  async function* blocks() {
    yield { name, recordCount: 2, rows: Uint32Array.of(0, 1) };
  }
  await writer.commit(blocks());
  await finish(dp);
  const blockId = (await blocksOf(dp)).get(name);
  const encodingId = (row: bigint) => String((BigInt(dp) << 32n) + row);
  t.deepEqual((await admin.query("SELECT * FROM encodings WHERE dp = $1 ORDER BY encoding_id", [dp])).rows, [
    { encoding_id: encodingId(0n), encoding: Buffer.from("000000000102030405060708", "hex"), dp },
    { encoding_id: encodingId(1n), encoding: Buffer.from("00000001f1f2f3f4f5f6f7f8", "hex"), dp },
  ]);
  t.deepEqual(
    (await admin.query("SELECT * FROM encodingblocks WHERE dp = $1 ORDER BY entity_id", [dp])).rows,
    [
      { dp, entity_id: 0, encoding_id: encodingId(0n), block_id: blockId },
      { dp, entity_id: 1, encoding_id: encodingId(1n), block_id: blockId },
    ],
  );
  t.deepEqual((await admin.query("SELECT * FROM blocks WHERE dp = $1", [dp])).rows, [
    { dp, block_name: name, block_id: blockId, count: 2, state: "ready" },
  ]);
});

test("tables: a slow client holds no connection", async (t) => {
  const { store, addParty } = await openTables();
  const single = new ConnectionPool({
    ...postgres.connection("entityservice"),
    minConnections: 0,
    maxConnections: 1,
  });
  t.teardown(() => single.close());
  const slow = new PostgresEncodingStore(single);
  const tokens = [id(), id(), id()];
  const writers = [];
  for (const receiptToken of tokens) {
    writers.push(await slow.begin(await addParty(receiptToken), receiptToken, 128));
  }
  for (let n = 0; n < 3; n++) {
    for (const writer of writers) await writer.write(Buffer.alloc(128 * 20_000, n));
  }
  t.deepEqual(await single.query("SELECT 1 AS one", []), [{ one: 1 }]);
  for (const writer of writers) await writer.abort();
  t.pass(String(store.fileOf()));
});

test.serial("tables: resends encodings after a lost connection", async (t) => {
  const { addParty, finish, blocksOf, store } = await openTables();
  const receiptToken = id();
  const dp = await addParty(receiptToken);
  const writer = await store.begin(dp, receiptToken, 128);
  const rows = randomBytes(128 * 100_000);
  // Each COPY waits for a lock that the test holds.
  await admin.query(
    `CREATE FUNCTION wait_for_test() RETURNS trigger LANGUAGE plpgsql AS
       'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END';
     CREATE TRIGGER wait_for_test BEFORE INSERT ON encodings EXECUTE FUNCTION wait_for_test()`,
  );
  const client = await admin.connect();
  try {
    const writing = (async () => {
      for (let from = 0; from < rows.length; from += 2 ** 20) {
        await writer.write(rows.subarray(from, from + 2 ** 20));
      }
    })();
    for (let n = 0; n < 3; n++) {
      await client.query("SELECT pg_advisory_lock(1)");
      await until("a COPY to kill", 120_000, async () => {
        const { rowCount } = await admin.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name LIKE 'anonlink-wasm%' AND wait_event_type = 'Lock'
             AND query LIKE 'COPY encodings (%'`,
        );
        return rowCount! > 0 || undefined;
      });
      await client.query("SELECT pg_advisory_unlock(1)");
    }
    await writing;
  } finally {
    client.release(true);
    await admin.query("DROP FUNCTION wait_for_test CASCADE");
  }
  async function* blocks() {
    yield { name: "all", recordCount: 100_000, rows: Uint32Array.from({ length: 100_000 }, (_, n) => n) };
  }
  await writer.commit(blocks());
  await finish(dp);
  const blockId = (await blocksOf(dp)).get("all")!;
  const read = await store.readRange({ dataproviderId: dp, blockId, from: 0, to: 100_000 }, 128);
  t.true(rows.equals(read.dataset.bytes));
});
