import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import pg from "pg";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresEncodingStore } from "../../../src/adapters/postgres/encoding-store.js";
import { PostgresConnection } from "../../../src/adapters/postgres/postgres-connection.js";
import { until } from "../../celery/until.js";
import { randomClks, seededRandom } from "../../random-clks.js";
import { storeProject } from "../../servers/entity-service-data.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";

const BYTE_LENGTH = 128;
let server: PostgresServer;

test.before(async () => {
  server = await startPostgres();
  await server.createDatabase("entityservice");
});
test.after.always(() => server?.remove());

test.serial("reads survive server restarts and kills, also in the middle of a result", async (t) => {
  const retries: string[] = [];
  const pool = new ConnectionPool({
    ...server.connection("entityservice"),
    minConnections: 1,
    maxConnections: 2,
    retry: { firstDelayMs: 20, maxRetryTimeMs: 120_000, onRetry: ({ message }) => retries.push(message) },
  });
  t.teardown(() => pool.close());
  const store = new PostgresEncodingStore(pool);
  const dataset = randomClks(seededRandom(4), { recordCount: 40_000, byteLength: BYTE_LENGTH });
  const admin = new pg.Client(server.connection("entityservice"));
  admin.on("error", () => {});
  await admin.connect();
  const { parties } = await storeProject(admin, [{ dataset }]);
  await admin.end();
  const { dataproviderId, blocks } = parties[0]!;
  const rows = { dataproviderId, blockId: blocks.get("1")!.blockId, from: 0, to: 40_000 };
  const readsAll = async () => {
    const read = await store.readRange(rows, BYTE_LENGTH);
    t.is(Buffer.compare(Buffer.from(read.dataset.bytes), Buffer.from(dataset.bytes)), 0);
  };
  await readsAll();

  await server.stop();
  await server.start();
  await readsAll();

  for (const delayMs of [1, 5, 15, 30, 60]) {
    const reading = readsAll();
    await sleep(delayMs);
    await server.kill();
    await sleep(50);
    await server.start();
    await reading;
  }

  await server.stop();
  const waiting = readsAll();
  const before = retries.length;
  await until("a retry", 120_000, () => retries.length > before || undefined);
  await server.start();
  await waiting;
});

test.serial("retries a transaction after a crash, even if its transaction id is reused", async (t) => {
  const options = server.connection("entityservice");
  const pool = new ConnectionPool({
    ...options,
    minConnections: 0,
    maxConnections: 1,
    retry: { firstDelayMs: 20, maxRetryTimeMs: 120_000 },
  });
  const connection = new PostgresConnection(pool);
  t.teardown(() => connection.close());
  await connection.query("CREATE TABLE things (name text)");
  const tries: boolean[] = [];
  await connection.transaction(async (queries, mayBeDone) => {
    tries.push(mayBeDone);
    const [row] = await queries.query<{ id: string }>(
      "INSERT INTO things VALUES ('ours') RETURNING txid_current()::text AS id",
    );
    if (tries.length > 1) return;
    await server.kill();
    await server.start();
    const other = new pg.Client(options);
    await other.connect();
    for (let id = 0n; id < BigInt(row!.id); ) {
      const { rows } = await other.query(
        "INSERT INTO things VALUES ('theirs') RETURNING txid_current()::text AS id",
      );
      id = BigInt(rows[0].id);
    }
    await other.end();
  });
  t.deepEqual(tries, [false, true]);
  t.deepEqual(await connection.query("SELECT FROM things WHERE name = 'ours'"), [{}]);
});

test.serial("fails if the server does not start in time", async (t) => {
  const connection = { ...server.connection("entityservice"), port: 1 };
  const pool = new ConnectionPool({
    ...connection,
    minConnections: 0,
    maxConnections: 1,
    retry: { firstDelayMs: 10, maxRetryTimeMs: 200 },
  });
  t.teardown(() => pool.close());
  await t.throwsAsync(pool.waitUntilReady(), { code: "ECONNREFUSED" });
});
