import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { CeleryTaskQueue } from "../adapters/celery/task-queue.js";
import { MinioObjectStore } from "../adapters/minio/object-store.js";
import { ConnectionPool } from "../adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../adapters/postgres/database.js";
import { PostgresEncodingStore } from "../adapters/postgres/encoding-store.js";
import { createRedisConnection } from "../adapters/redis/connection.js";
import { RedisRunCache } from "../adapters/redis/run-cache.js";
import { CeleryApp, CeleryWorker, parseRoutes } from "../celery/index.js";
import { readServiceConfig, type ServiceConfig } from "../config/service-config.js";
import { type Environment, readConfig } from "../config.js";
import { EncodingStores } from "../linkage/encoding-stores.js";
import { PackedEncodingStore } from "../linkage/packed-encodings/packed-encoding-store.js";
import { MemoryBudget } from "../linkage/uploads/memory-budget.js";
import { serveHealth } from "./health-server.js";
import { WorkerMetrics } from "./metrics.js";
import { registerTasks } from "./register-tasks.js";
import { type ServiceTaskStores, serviceTasks } from "./service-tasks.js";
import { StoreWatch } from "./store-watch.js";
import { uploadTasks } from "./upload-tasks.js";

/** What the command line says of a worker. */
export interface RunWorkerOptions {
  readonly queues: readonly string[];
  /** Tasks at once; default: the setting CELERYD_CONCURRENCY. */
  readonly concurrency?: number | undefined;
  /** `name@host`; default: `anonlink-wasm@` and the host's name. */
  readonly hostname: string;
  /** Where health and metrics are served; port 0 for any free one. */
  readonly healthHost: string;
  readonly healthPort: number;
  /** pino's levels. */
  readonly logLevel: string;
  readonly version: string;
}

/** No limit, as the worker has it. */
const UNLIMITED_PREFETCH = 10_000;

/**
 * Runs a worker until it is told to end: by SIGTERM, SIGINT or remote control warmly, by SIGQUIT or a second signal
 * coldly. It answers remote control and health checks from the start, and takes tasks once all stores answer.
 *
 * @throws ConfigError, TypeError or RangeError in one sentence, for a setting or an option that is wrong
 */
export async function runWorker(options: RunWorkerOptions, env: Environment): Promise<void> {
  // The pool of a worker is its own; all else is as the service has it.
  const config = { ...readServiceConfig(env), database: readConfig(env).database };
  const log = pino({ level: options.logLevel, base: { worker: options.hostname } });
  const pool = new ConnectionPool(config.database);
  const redis = createRedisConnection(config.redis);
  const objects = new MinioObjectStore(config.objectStore);
  const { celery } = config;
  const app = new CeleryApp({
    broker: celery.brokerUrl,
    routes: parseRoutes(celery.routes),
    visibilityTimeoutSeconds: celery.visibilityTimeoutSeconds,
    sentinelMaster: config.redis.sentinelName,
  });
  const database = new PostgresDatabase(pool);
  const encodings = new EncodingStores({
    tables: new PostgresEncodingStore(pool),
    packed: new PackedEncodingStore(objects, database),
    uploads: database,
    writesTo: config.encodingStore,
  });
  const stores = {
    database,
    encodings,
    cache: new RedisRunCache(redis, { expirySeconds: config.limits.cacheExpirySeconds }),
    objects,
    uploadObjects:
      config.uploadStore &&
      new MinioObjectStore({ ...config.objectStore, bucket: config.uploadStore.bucket }),
    tasks: new CeleryTaskQueue(app),
  };
  const sortingFolder = mkdtempSync(join(tmpdir(), "anonlink-wasm-worker-"));
  const watch = new StoreWatch(
    {
      postgres: (signal) => pool.waitUntilReady(signal),
      redis: async () => void (await stores.cache.isActive("none")),
      objects: (signal) => objects.waitUntilReady(signal),
    },
    (store, reason) => log.warn({ store, reason }, "store out of reach"),
  );
  const metrics = new WorkerMetrics(() => watch.areReady);
  registerTasks(app, allTasks(stores, config, sortingFolder), metrics);
  const worker = new CeleryWorker(app, {
    queues: options.queues,
    hostname: options.hostname,
    concurrency: options.concurrency ?? celery.concurrency,
    prefetchMultiplier: celery.prefetchMultiplier || UNLIMITED_PREFETCH,
    acksLate: celery.acksLate,
    startPaused: true,
    software: { name: "anonlink-wasm", version: options.version },
    log,
  });
  endOnSignals(worker, log);
  const health = await serveHealth(
    options.healthHost,
    options.healthPort,
    () => ({ isReady: watch.areReady, stores: watch.states }),
    metrics.registry,
  );
  log.info({ queues: options.queues, health: health.address() }, "worker starts");
  redis.connect().catch(() => {}); // it comes by itself; the watch tells
  const started = worker.start();
  void watch.waitUntilReady().then(async () => {
    await started;
    worker.resume();
    log.info({}, "worker ready");
  });
  await worker.finished;
  watch.stop();
  health.closeAllConnections();
  health.close();
  await Promise.race([
    Promise.allSettled([app.disconnect(), pool.close(), redis.close()]),
    delay(2000, undefined, { ref: false }), // a server that is out of reach must not hold the end up
  ]);
  rmSync(sortingFolder, { recursive: true, force: true });
  log.info({}, "worker ended");
}

function allTasks(
  stores: ServiceTaskStores & { encodings: EncodingStores },
  { limits, upload, uploadStore }: ServiceConfig,
  sortingFolder: string,
) {
  const { uploadObjects } = stores;
  const external = uploadObjects && uploadStore && { name: uploadStore.bucket, objects: uploadObjects };
  return [
    ...serviceTasks(stores, limits),
    ...uploadTasks(
      { ...stores, external },
      {
        limits: { ...upload, ...limits },
        sorting: { folder: sortingFolder, memory: new MemoryBudget(upload.blockMemoryByteLength) },
      },
    ),
  ];
}

function endOnSignals(worker: CeleryWorker, log: pino.Logger): void {
  let signals = 0;
  const end = (signal: NodeJS.Signals) => {
    const isCold = ++signals > 1 || signal === "SIGQUIT";
    log.info({ signal }, isCold ? "worker ends at once" : "worker ends when its tasks are done");
    void (isCold ? worker.kill() : worker.stop());
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) process.on(signal, end);
}
