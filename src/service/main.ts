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
import { createRedisConnection } from "../adapters/redis/connection.js";
import { RedisRunCache } from "../adapters/redis/run-cache.js";
import { CeleryApp, parseRoutes } from "../celery/index.js";
import { readServiceConfig, type ServiceConfig } from "../config/service-config.js";
import type { Environment } from "../config.js";
import { EncodingStores } from "../linkage/encoding-stores.js";
import { PackedEncodingStore } from "../linkage/packed-encodings/packed-encoding-store.js";
import { resendTasks } from "../linkage/resend-tasks.js";
import { resumeWork } from "../linkage/resume-work.js";
import type { BlockSorting } from "../linkage/uploads/block-sorter.js";
import { MemoryBudget } from "../linkage/uploads/memory-budget.js";
import { serviceTasks } from "../worker/service-tasks.js";
import { answerStarting } from "./answer-starting.js";
import { createApp } from "./app.js";
import { HttpServer } from "./http-server.js";
import { createLog } from "./log.js";
import { Opened } from "./opened.js";
import type { ServiceParts } from "./parts.js";

export interface StartOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** One of pino's levels; default: `info`. */
  readonly logLevel?: string | undefined;
  /** The settings, by the names of environment variables; default: none, so that all have their defaults. */
  readonly env?: Environment | undefined;
}

export interface EmbeddedOptions extends StartOptions {
  /** Where everything is kept; made where it is missing. It belongs to one process at a time. */
  readonly dataFolder: string;
}

export interface RunningService {
  /** `http://host:port`, with the port that it has got. */
  readonly url: string;
  /** Takes no more requests, finishes those under way, then ends tasks and stores. */
  close(): Promise<void>;
}

/** How long requests under way may take after the service was told to end. */
const GRACE_MS = 10_000;

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/**
 * Starts the whole service in this process: database, files and queue in one folder. What an earlier process has left
 * unfinished goes on. It listens at once, and answers 503 to all but `/healthz` until it is ready, when the promise resolves.
 *
 * @throws ConfigError for a setting; an error that says so where another process has the folder; the system's error where
 *   the port cannot be had
 */
export async function startEmbeddedService(options: EmbeddedOptions): Promise<RunningService> {
  const config = readServiceConfig(options.env ?? {});
  const log = createLog(options.logLevel ?? "info", process.stderr);
  const inFolder = (name: string) => join(options.dataFolder, name);
  const opened = new Opened();
  const door = await openDoor(options, log);
  try {
    await mkdir(options.dataFolder, { recursive: true });
    const database = opened.add(await EmbeddedDatabase.open(options.dataFolder));
    const objects = opened.add(await FileObjectStore.open(inFolder("objects")));
    await mkdir(inFolder("sorting"), { recursive: true });
    const cache = opened.add(new MemoryRunCache());
    const encodings = new PackedEncodingStore(objects, database);
    const tasks = opened.add(
      new InProcessQueue({
        onFailure: ({ task, taskId, error, willRetry }) =>
          log.error({ task, taskId, willRetry, err: error }, "task failed"),
      }),
    );
    const parts: ServiceParts = { database, encodings, objects, cache, tasks };
    tasks.start(serviceTasks(parts, config.limits));
    log.info(await resumeWork(parts), "work resumed");
    return serve(parts, config, inFolder("sorting"), log, door, opened);
  } catch (error) {
    await door.server.close(0);
    await opened.close();
    throw error;
  }
}

/**
 * Starts the API of a cluster. It answers `/healthz` at once, and `/readyz` once all stores can be reached. Tasks that an
 * earlier process was killed before it had sent them are sent then.
 *
 * @throws ConfigError for a setting; the system's error where the port cannot be had
 */
export async function startClusterService(options: StartOptions): Promise<RunningService> {
  const config = readServiceConfig(options.env ?? {});
  const log = createLog(options.logLevel ?? "info");
  const opened = new Opened();
  const door = await openDoor(options, log);
  try {
    const sortingFolder = mkdtempSync(join(tmpdir(), "anonlink-wasm-"));
    opened.add({ close: () => rmSync(sortingFolder, { recursive: true, force: true }) });
    const pool = opened.add(new ConnectionPool(config.database));
    const database = new PostgresDatabase(pool);
    const redis = createRedisConnection(config.redis);
    const cache = opened.add(new RedisRunCache(redis, { expirySeconds: config.limits.cacheExpirySeconds }));
    const objects = opened.add(new MinioObjectStore(config.objectStore));
    const encodings = new EncodingStores({
      tables: new PostgresEncodingStore(pool),
      packed: new PackedEncodingStore(objects, database),
      uploads: database,
      writesTo: config.encodingStore,
    });
    const tasks = opened.add(new CeleryTaskQueue(celeryApp(config)));
    const parts = { database, encodings, objects, cache, tasks, ...sharedBuckets(config) };
    redis.connect().catch(() => {}); // it comes by itself; /readyz tells
    void pool
      .waitUntilReady()
      .then(() => resendTasks(parts))
      .then(
        (resent) => log.info(resent, "tasks sent again"),
        (error: unknown) => log.error({ err: error }, "tasks of an earlier process not sent again"),
      );
    return serve(parts, config, sortingFolder, log, door, opened);
  } catch (error) {
    await door.server.close(0);
    await opened.close();
    throw error;
  }
}

interface Door {
  readonly server: HttpServer;
  /** Lets requests go there from now on. */
  leadTo(listener: RequestListener): void;
}

/** Listens, before anything else is opened: a port that is taken shows at once, and who asks learns that we are coming. */
async function openDoor({ host, port }: StartOptions, log: Logger): Promise<Door> {
  let listener: RequestListener = answerStarting;
  const server = new HttpServer((request, response) => listener(request, response));
  await server.listen(port, host);
  log.info({ url: server.url }, "service listens");
  return {
    server,
    leadTo: (next) => {
      listener = next;
    },
  };
}

function serve(
  parts: ServiceParts,
  config: ServiceConfig,
  sortingFolder: string,
  log: Logger,
  { server, leadTo }: Door,
  opened: Opened,
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
      uploads: {
        limits: {
          maxBodyByteLength: upload.maxByteLength,
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
  leadTo(app.callback());
  opened.add({ close: () => server.close(GRACE_MS) });
  return {
    url: server.url,
    async close() {
      log.info({}, "service ends");
      await opened.close();
    },
  };
}

function celeryApp({ celery, redis }: ServiceConfig): CeleryApp {
  return new CeleryApp({
    broker: celery.brokerUrl,
    routes: parseRoutes(celery.routes),
    visibilityTimeoutSeconds: celery.visibilityTimeoutSeconds,
    sentinelMaster: redis.sentinelName,
  });
}

/** The buckets that clients reach themselves, where they are set up. */
function sharedBuckets({ objectStore, uploadStore, downloadStore }: ServiceConfig) {
  return {
    uploadBucket: uploadStore && new MinioSharedObjects({ ...uploadStore, prepareBucket: bucketMaker() }),
    downloadBucket: downloadStore && new MinioSharedObjects(downloadStore),
  };

  /** The bucket for uploads is made by whoever may. */
  function bucketMaker(): () => Promise<void> {
    const store = new MinioObjectStore({ ...objectStore, bucket: uploadStore!.bucket });
    return () => store.waitUntilReady();
  }
}
