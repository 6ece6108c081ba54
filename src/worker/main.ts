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
import { RedisConnection } from "../adapters/redis/connection.js";
import { RedisRunCache } from "../adapters/redis/run-cache.js";
import { CeleryApp, CeleryWorker, parseRoutes, parseTransportOptions } from "../celery/index.js";
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

/** A worker's command-line options. */
export interface RunWorkerOptions {
  readonly queues: readonly string[];
  /** Number of concurrent tasks; default: the setting CELERYD_CONCURRENCY. */
  readonly concurrency?: number;
  /** `name@host`; default: `anonlink-wasm@` and the host's name. */
  readonly hostname: string;
  /** Keeps revoked ids across restarts; default: the setting CELERY_WORKER_STATE_DB. */
  readonly stateFile?: string;
  /** Where health and metrics are served; port 0 for any free port. */
  readonly healthHost: string;
  readonly healthPort: number;
  /** One of pino's levels. */
  readonly logLevel: string;
  readonly version: string;
}

/** The worker counts as stuck if its loop that claims messages has not iterated for this long. */
const MAX_STANDSTILL_MS = 60_000;
/** Stands for no limit: the largest multiplier that the worker accepts. */
const UNLIMITED_PREFETCH = 10_000;

/**
 * Runs a worker until it is asked to stop. SIGTERM, SIGINT and remote control cause a warm shutdown, SIGQUIT or a
 * second signal a cold one. The worker answers remote control and health checks from the start, and takes tasks once
 * all stores answer.
 *
 * @throws ConfigError, TypeError or RangeError with a one-sentence message, for an invalid setting or option
 */
export async function runWorker(options: RunWorkerOptions, env: Environment): Promise<void> {
  // A worker has its own pool settings; all else is configured like the service.
  const config = { ...readServiceConfig(env), database: readConfig(env).database };
  const log = pino({ level: options.logLevel, base: { worker: options.hostname } });
  const pool = new ConnectionPool(config.database);
  const redis = new RedisConnection(config.redis);
  const objects = new MinioObjectStore(config.objectStore);
  const { celery } = config;
  const app = new CeleryApp({
    broker: celery.brokerUrl,
    routes: parseRoutes(celery.routes),
    maxMessageBytes: celery.maxMessageBytes,
    sentinelMaster: config.redis.sentinelName,
    ...parseTransportOptions(celery.transportOptions, celery.visibilityTimeoutSeconds),
    sentExpiresSeconds: config.limits.cacheExpirySeconds,
    resultExpiresSeconds: config.limits.cacheExpirySeconds,
    socketTimeoutSeconds: celery.socketTimeoutSeconds,
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
  // Take tasks only while all stores answer: otherwise they would be retried in vain, and fail in the end.
  const watch: StoreWatch = new StoreWatch(
    {
      postgres: (signal) => pool.waitUntilReady(signal),
      redis: (signal) => stores.cache.check(signal),
      broker: () => app.broker.isReady(),
      objects: (signal) => objects.check(signal),
    },
    {
      onFailure: (store, reason) => log.warn({ store, reason }, "store out of reach"),
      onChange: (areReady) => {
        log.info({ stores: watch.states }, areReady ? "worker ready" : "worker takes no tasks");
        if (areReady) worker.resume();
        else worker.pause();
      },
    },
  );
  const metrics = new WorkerMetrics(() => watch.areReady);
  registerTasks(app, allTasks(stores, config, sortingFolder), metrics);
  const worker = new CeleryWorker(app, {
    queues: options.queues,
    hostname: options.hostname,
    concurrency: options.concurrency ?? celery.concurrency,
    prefetchMultiplier: celery.prefetchMultiplier || UNLIMITED_PREFETCH,
    acksLate: celery.acksLate,
    shutdownGraceSeconds: celery.shutdownGraceSeconds,
    enableRemoteControl: celery.enableRemoteControl,
    stateFile: options.stateFile ?? celery.stateFile,
    startPaused: true,
    software: { name: "anonlink-wasm", version: options.version },
    onReject: ({ queue }) => metrics.messageRejected(queue),
    log,
  });
  endOnSignals(worker, log);
  const health = await serveHealth(
    options.healthHost,
    options.healthPort,
    {
      isAlive: () => worker.standstillMs < MAX_STANDSTILL_MS,
      readiness: () => ({ isReady: watch.areReady, stores: watch.states }),
    },
    metrics.registry,
  );
  log.info({ queues: options.queues, health: health.address() }, "worker starts");
  redis.connect().catch(() => {}); // it reconnects by itself; the watch reports failures
  worker.start().then(
    () => watch.start(),
    (error: Error) => log.error({ reason: error.message }, "worker not started"),
  );
  await worker.finished;
  watch.stop();
  health.closeAllConnections();
  health.close();
  await Promise.race([
    Promise.allSettled([app.disconnect(), pool.close(), redis.close()]),
    delay(2000, undefined, { ref: false }), // an unreachable server must not delay the shutdown
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
