import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { CeleryTaskQueue } from "../adapters/celery/task-queue.js";
import { EmbeddedDatabase } from "../adapters/embedded/embedded-database.js";
import { FileObjectStore } from "../adapters/embedded/file-object-store.js";
import { InProcessQueue } from "../adapters/embedded/in-process-queue.js";
import { MemoryRunCache } from "../adapters/embedded/memory-run-cache.js";
import { MinioObjectStore } from "../adapters/minio/object-store.js";
import { MinioSharedObjects } from "../adapters/minio/shared-objects.js";
import { ConnectionPool } from "../adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../adapters/postgres/database.js";
import { PostgresEncodingStore } from "../adapters/postgres/encoding-store.js";
import { RedisConnection } from "../adapters/redis/connection.js";
import { RedisRunCache } from "../adapters/redis/run-cache.js";
import { CeleryApp, parseRoutes, parseTransportOptions } from "../celery/index.js";
import { readServiceConfig, type ServiceConfig } from "../config/service-config.js";
import type { Environment } from "../config.js";
import { EncodingStores } from "../linkage/encoding-stores.js";
import { LostTasks } from "../linkage/lost-tasks.js";
import { PackedEncodingStore } from "../linkage/packed-encodings/packed-encoding-store.js";
import { resumeWork } from "../linkage/resume-work.js";
import type { BlockSorting } from "../linkage/uploads/block-sorter.js";
import { MemoryBudget } from "../linkage/uploads/memory-budget.js";
import { serviceTasks } from "../worker/service-tasks.js";
import { createApp } from "./app.js";
import { HttpServer } from "./http-server.js";
import { createLog } from "./log.js";
import type { ServiceParts } from "./parts.js";
import { ResourceStack } from "./resource-stack.js";
import { startingHandler } from "./starting-handler.js";

export interface StartOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** One of pino's levels; default: `info`. */
  readonly logLevel?: string;
  /** The settings, by environment variable; default: none, so that all settings have their defaults. */
  readonly env?: Environment;
}

export interface EmbeddedOptions extends StartOptions {
  /** Where all data is kept; created if it is missing. It belongs to one process at a time. */
  readonly dataFolder: string;
}

export interface RunningService {
  /** `http://host:port`, with the actual port. */
  readonly url: string;
  /** Accepts no more requests, finishes those in progress, then closes the queue and the stores. */
  close(): Promise<void>;
}

/** Interval between checks for lost tasks; a task counts as lost after three of them. */
const LOOK_MS = 5000;
/** How long requests in progress may take after the service was asked to stop. */
const GRACE_MS = 10_000;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Starts the whole service in this process: database, files and queue, with one data folder. Unfinished work of an
 * earlier process is resumed. The service listens at once, and answers 503 to all requests but `/healthz` until it is
 * ready; then the promise resolves.
 *
 * @throws ConfigError for an invalid setting; ServiceError `store-failed` if another process uses the folder; the
 *   system's error if the port is unavailable
 */
export async function startEmbeddedService(options: EmbeddedOptions): Promise<RunningService> {
  const config = readServiceConfig(options.env ?? {});
  const log = createLog(options.logLevel ?? "info", process.stderr);
  const inFolder = (name: string) => join(options.dataFolder, name);
  const resources = new ResourceStack();
  const earlyServer = await listenEarly(options, log);
  try {
    await mkdir(options.dataFolder, { recursive: true });
    const database = resources.add(await EmbeddedDatabase.open(options.dataFolder));
    const objects = resources.add(await FileObjectStore.open(inFolder("objects")));
    await mkdir(inFolder("sorting"), { recursive: true });
    const cache = resources.add(new MemoryRunCache());
    const encodings = new PackedEncodingStore(objects, database);
    const tasks = resources.add(
      new InProcessQueue({
        onFailure: ({ task, taskId, error, willRetry }) =>
          log.error({ task, taskId, willRetry, err: error }, "task failed"),
      }),
    );
    const parts: ServiceParts = { database, encodings, objects, cache, tasks };
    tasks.start(serviceTasks(parts, config.limits));
    log.info(await resumeWork(parts), "work resumed");
    return serve(parts, config, inFolder("sorting"), log, earlyServer, resources);
  } catch (error) {
    await earlyServer.server.close(0);
    await resources.close();
    throw error;
  }
}

/**
 * Starts the API of a cluster. It answers `/healthz` with 200 at once, and `/readyz` once all stores are reachable.
 * Tasks that are lost, for example because a process was killed before it had sent them, are sent again.
 *
 * @throws ConfigError for an invalid setting; the system's error if the port is unavailable
 */
export async function startClusterService(options: StartOptions): Promise<RunningService> {
  const config = readServiceConfig(options.env ?? {});
  const log = createLog(options.logLevel ?? "info");
  const resources = new ResourceStack();
  const earlyServer = await listenEarly(options, log);
  try {
    const sortingFolder = mkdtempSync(join(tmpdir(), "anonlink-wasm-"));
    resources.add({ close: () => rmSync(sortingFolder, { recursive: true, force: true }) });
    const pool = resources.add(new ConnectionPool(config.database));
    const database = new PostgresDatabase(pool);
    const redis = new RedisConnection(config.redis);
    const cache = resources.add(
      new RedisRunCache(redis, { expirySeconds: config.limits.cacheExpirySeconds }),
    );
    const objects = resources.add(new MinioObjectStore(config.objectStore));
    const encodings = new EncodingStores({
      tables: new PostgresEncodingStore(pool),
      packed: new PackedEncodingStore(objects, database),
      uploads: database,
      writesTo: config.encodingStore,
    });
    const tasks = resources.add(new CeleryTaskQueue(celeryApp(config)));
    const parts = { database, encodings, objects, cache, tasks, ...sharedBuckets(config) };
    redis.connect().catch(() => {}); // it reconnects by itself; /readyz reports failures
    resources.add(watchForLostTasks(new LostTasks(parts), log));
    return serve(parts, config, sortingFolder, log, earlyServer, resources);
  } catch (error) {
    await earlyServer.server.close(0);
    await resources.close();
    throw error;
  }
}

interface EarlyServer {
  readonly server: HttpServer;
  /** Passes all further requests to this listener. */
  setHandler(listener: RequestListener): void;
}

/** Listens before anything else is opened: a taken port is reported at once, and clients learn that we are starting. */
async function listenEarly({ host, port }: StartOptions, log: Logger): Promise<EarlyServer> {
  let listener: RequestListener = startingHandler;
  const server = new HttpServer((request, response) => listener(request, response));
  await server.listen(port, host);
  log.info({ url: server.url }, "service listens");
  return {
    server,
    setHandler: (next) => {
      listener = next;
    },
  };
}

function serve(
  parts: ServiceParts,
  config: ServiceConfig,
  sortingFolder: string,
  log: Logger,
  { server, setHandler }: EarlyServer,
  resources: ResourceStack,
): RunningService {
  const { http, limits, upload } = config;
  const sorting: BlockSorting = {
    folder: sortingFolder,
    memory: new MemoryBudget(upload.blockMemoryByteLength),
  };
  const app = createApp(
    parts,
    {
      ...http,
      version,
      maxBodyByteLength: upload.maxByteLength,
      uploads: {
        limits: {
          maxRecords: upload.maxRecords,
          maxBlocksPerRow: upload.maxBlocksPerRow,
          maxBlockNameLength: upload.maxBlockNameLength,
          minEncodingSize: limits.minEncodingSize,
          maxEncodingSize: limits.maxEncodingSize,
        },
        sorting,
        leaseSeconds: upload.leaseSeconds,
      },
    },
    log,
  );
  setHandler(app.callback());
  resources.add({ close: () => server.close(GRACE_MS) });
  return {
    url: server.url,
    async close() {
      log.info({}, "service ends");
      await resources.close();
    },
  };
}

function celeryApp({ celery, redis, limits }: ServiceConfig): CeleryApp {
  return new CeleryApp({
    broker: celery.brokerUrl,
    routes: parseRoutes(celery.routes),
    sentinelMaster: redis.sentinelName,
    ...parseTransportOptions(celery.transportOptions, celery.visibilityTimeoutSeconds),
    sentExpiresSeconds: limits.cacheExpirySeconds,
    resultExpiresSeconds: limits.cacheExpirySeconds,
    socketTimeoutSeconds: celery.socketTimeoutSeconds,
  });
}

/** Checks for lost tasks every few seconds, until it is closed. */
function watchForLostTasks(lostTasks: LostTasks, log: Logger): { close(): void } {
  let timer: NodeJS.Timeout;
  let isClosed = false;
  const look = async () => {
    try {
      for (const task of await lostTasks.look()) log.warn({ task }, "a lost task is sent again");
    } catch (error) {
      log.debug({ err: error }, "cannot look for lost tasks now");
    }
    if (!isClosed) timer = setTimeout(look, LOOK_MS).unref();
  };
  timer = setTimeout(look, 0).unref();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

/** The buckets that clients access directly, if configured. */
function sharedBuckets({ objectStore, uploadStore, downloadStore }: ServiceConfig) {
  return {
    uploadBucket: uploadStore && new MinioSharedObjects({ ...uploadStore, prepareBucket: bucketMaker() }),
    downloadBucket: downloadStore && new MinioSharedObjects(downloadStore),
  };

  /** Creates the upload bucket with the service's own credentials. */
  function bucketMaker(): () => Promise<void> {
    const store = new MinioObjectStore({ ...objectStore, bucket: uploadStore!.bucket });
    return () => store.waitUntilReady();
  }
}
