// The task with all its stores on real servers, as a worker runs it.
import { readFileSync } from "node:fs";
import test from "ava";
import { Client } from "minio";
import pg from "pg";
import { createClient } from "redis";
import { MinioObjectStore } from "../../../src/adapters/minio/object-store.js";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../../../src/adapters/postgres/database.js";
import { PostgresEncodingStore } from "../../../src/adapters/postgres/encoding-store.js";
import { RedisConnection } from "../../../src/adapters/redis/connection.js";
import { RedisRunCache } from "../../../src/adapters/redis/run-cache.js";
import { readConfig } from "../../../src/config.js";
import { indexBlocks } from "../../../src/core/blocks.js";
import { candidateFileBytes, parseCandidateFile } from "../../../src/core/candidate-file.js";
import { type CandidatePairs, dropDuplicates } from "../../../src/core/candidate-pairs.js";
import { mergeCandidatePairs } from "../../../src/core/candidates/merge-candidates.js";
import { type BlockPair, packBlocks } from "../../../src/core/chunks.js";
import { readClkBytes } from "../../../src/core/clk-format.js";
import { compare, findCandidatePairs } from "../../../src/library/node.js";
import { computeFilterSimilarity } from "../../../src/worker/compute-filter-similarity.js";
import type { TaskParameters } from "../../../src/worker/task-parameters.js";
import { seededRandom } from "../../random-clks.js";
import { type StoredProject, storeProject } from "../../servers/entity-service-data.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";
import { type RedisServer, startRedis } from "../../servers/redis.js";
import { type S3Server, startS3 } from "../../servers/s3.js";

const BYTE_LENGTH = 128;
const febrl = ["a", "b"].map(
  (side) =>
    readClkBytes(readFileSync(new URL(`../../data/febrl4-1k/clks-${side}.bin`, import.meta.url)), {
      byteLength: BYTE_LENGTH,
    }).dataset,
);

let postgres: PostgresServer;
let redis: RedisServer;
let s3: S3Server;
test.before(async () => {
  [postgres, redis, s3] = await Promise.all([startPostgres(), startRedis(), startS3()]);
  await postgres.createDatabase("entityservice");
});
test.after.always(() => Promise.all([postgres?.remove(), redis?.remove(), s3?.remove()]));

/** A worker's stores, created from an operator's settings, and clients of the same servers. */
async function openStores(maxCandidatePairs = 1_000_000) {
  const config = readConfig({
    DATABASE_SERVER: `${postgres.host}:${postgres.port}`,
    DATABASE: "entityservice",
    DATABASE_PASSWORD: postgres.password,
    REDIS_SERVER: `127.0.0.1:${redis.port}`,
    MINIO_SERVER: s3.address,
    MINIO_ACCESS_KEY: s3.accessKey,
    MINIO_SECRET_KEY: s3.secretKey,
    SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS: String(maxCandidatePairs),
  });
  const pool = new ConnectionPool(config.database);
  const connection = new RedisConnection(config.redis);
  const objects = new MinioObjectStore(config.objectStore);
  await Promise.all([pool.waitUntilReady(), connection.connect(), objects.waitUntilReady()]);
  const { run: task } = computeFilterSimilarity(
    {
      encodings: new PostgresEncodingStore(pool),
      runs: new PostgresDatabase(pool),
      cache: new RedisRunCache(connection, { expirySeconds: config.limits.cacheExpirySeconds }),
      objects,
    },
    {
      maxCandidatePairs: config.limits.similarityScoresMaxCandidatePairs,
      encodingCacheByteLength: config.limits.encodingCacheByteLength,
    },
  );
  const database = new pg.Pool(postgres.connection("entityservice"));
  const cache = createClient({ url: redis.url });
  await cache.connect();
  const files = new Client({
    endPoint: s3.host,
    port: s3.port,
    useSSL: false,
    accessKey: s3.accessKey,
    secretKey: s3.secretKey,
  });
  const read = async (name: string) => {
    const chunks: Buffer[] = [];
    for await (const chunk of await files.getObject("entityservice", name)) chunks.push(chunk);
    return new Uint8Array(Buffer.concat(chunks));
  };
  const close = async () => {
    connection.destroy();
    cache.destroy();
    await Promise.all([pool.close(), database.end()]);
  };
  return { task, database, cache, read, close };
}

function argumentsOf(
  { projectId, runId }: StoredProject,
  threshold: number,
  chunks: unknown,
): TaskParameters {
  return { package: chunks, project_id: projectId, run_id: runId, threshold, encoding_size: BYTE_LENGTH };
}

/** The packages of a run, as `create_comparison_jobs` makes them. */
function packagesOf({ parties }: StoredProject, aim: number) {
  const [left, right] = parties as [StoredProject["parties"][0], StoredProject["parties"][0]];
  const pairs: BlockPair<number>[] = [];
  for (const [name, block] of left.blocks) {
    const other = right.blocks.get(name);
    if (other === undefined) continue;
    pairs.push({ left: { datasetIndex: 0, ...block }, right: { datasetIndex: 1, ...other } });
  }
  return [...packBlocks(pairs, aim)].map((chunks) =>
    chunks.map((sides) =>
      sides.map(({ datasetIndex, blockId, range }) => ({
        dataproviderId: parties[datasetIndex]!.dataproviderId,
        datasetIndex,
        block_id: blockId,
        range,
      })),
    ),
  );
}

test("one task for the whole run writes the same file as the library", async (t) => {
  const { task, database, cache, read, close } = await openStores();
  t.teardown(close);
  const project = await storeProject(
    database,
    febrl.map((dataset) => ({ dataset })),
  );
  await cache.hSet(`run:${project.runId}`, "state", "active");
  const [chunks] = packagesOf(project, 300_000_000);
  const result = await task(argumentsOf(project, 0.8, chunks), { taskId: "whole" });
  const { pairs } = await compare(febrl[0]!, febrl[1]!, { threshold: 0.8 });
  t.is(result?.[0], 946);
  t.deepEqual(await read(result?.[2] as string), candidateFileBytes(pairs));
  const progress = await cache.hGetAll(`run:${project.runId}`);
  t.deepEqual({ ...progress }, { state: "active", comparisons: "1000000", candidates: "946" });
});

test("chunks from several workers, some run twice concurrently, merge to the whole", async (t) => {
  const workers = await Promise.all([openStores(), openStores()]);
  const [{ database, cache, read }] = workers as [(typeof workers)[0], (typeof workers)[0]];
  t.teardown(() => Promise.all(workers.map(({ close }) => close())));
  const project = await storeProject(
    database,
    febrl.map((dataset) => ({ dataset })),
  );
  await cache.hSet(`run:${project.runId}`, "state", "active");
  const lists: CandidatePairs[] = [];
  await Promise.all(
    packagesOf(project, 40_000).map(async (chunks, n) => {
      const results = await Promise.all(
        workers.map(({ task }) => task(argumentsOf(project, 0.75, chunks), { taskId: `chunk ${n}` })),
      );
      t.deepEqual(results[1], results[0]);
      const name = results[0]?.[2];
      if (name != null) lists.push(parseCandidateFile(await read(name)));
    }),
  );
  const whole = await compare(febrl[0]!, febrl[1]!, { threshold: 0.75 });
  t.deepEqual(mergeCandidatePairs(lists), whole.pairs);
  const progress = await cache.hGetAll(`run:${project.runId}`);
  t.is(progress["comparisons"], "1000000");
  t.is(progress["candidates"], String(whole.pairs.scores.length));
});

test("packages of overlapping blocks merge to the library's result", async (t) => {
  const { task, database, cache, read, close } = await openStores();
  t.teardown(close);
  const random = seededRandom(5);
  const blocks = febrl.map(({ recordCount }) =>
    Array.from({ length: recordCount }, () => [
      ...new Set(
        Array.from({ length: 1 + Math.floor(random() * 3) }, () => `b${Math.floor(random() ** 3 * 60)}`),
      ),
    ]),
  );
  const parties = febrl.map((dataset, n) => ({ dataset, blocks: blocks[n]! }));
  const project = await storeProject(database, parties);
  await cache.hSet(`run:${project.runId}`, "state", "active");
  const packages = packagesOf(project, 20_000);
  t.true(packages.some(({ length }) => length > 1) && packages.some(({ length }) => length === 1));
  const lists: CandidatePairs[] = [];
  for (const [n, chunks] of packages.entries()) {
    const result = await task(argumentsOf(project, 0.7, chunks), { taskId: `blocks ${n}` });
    if (result?.[2] != null) lists.push(parseCandidateFile(await read(result[2])));
  }
  const inputs = febrl.map((dataset, n) => ({ dataset, blocks: indexBlocks(blocks[n]!) }));
  const whole = await findCandidatePairs(inputs, { threshold: 0.7 });
  t.deepEqual(dropDuplicates(mergeCandidatePairs(lists)), whole.pairs);
  t.is(await cache.hGet(`run:${project.runId}`, "comparisons"), String(whole.statistics.comparisons));
});

test("a run over the candidate limit fails with a reason; a deleted run ends silently", async (t) => {
  const { task, database, cache, close } = await openStores(900);
  t.teardown(close);
  const project = await storeProject(
    database,
    febrl.map((dataset) => ({ dataset })),
  );
  await cache.hSet(`run:${project.runId}`, "state", "active");
  const [chunks] = packagesOf(project, 300_000_000);
  t.is(await task(argumentsOf(project, 0.8, chunks), { taskId: "limit" }), null);
  const { rows } = await database.query("SELECT state, error_msg FROM runs WHERE run_id = $1", [
    project.runId,
  ]);
  t.is(rows[0].state, "error");
  t.regex(rows[0].error_msg, /more than 900 candidate pairs/);
  await cache.hSet(`run:${project.runId}`, "state", "deleted");
  t.is(await task(argumentsOf(project, 0.8, chunks), { taskId: "deleted" }), null);
});
