import {
  ConfigError,
  type Environment,
  type HostAndPort,
  readBoolean,
  readDecimal,
  readHostAndPort,
  readSecret,
  readText,
  readWhole,
} from "./config/setting-readers.js";

export { ConfigError, type Environment, type HostAndPort } from "./config/setting-readers.js";

export interface DatabaseConfig extends HostAndPort {
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Connections that the pool of a worker keeps, 0 or more. */
  readonly minConnections: number;
  /** Connections that it opens at most, 1 or more. */
  readonly maxConnections: number;
}

/** With `usesSentinel`, host and port are a Sentinel's, and `sentinelName` names the master. */
export interface RedisConfig extends HostAndPort {
  readonly password: string;
  readonly usesSentinel: boolean;
  readonly sentinelName: string;
  /** How long a command may take, in milliseconds. */
  readonly socketTimeoutMs: number;
}

export interface CeleryConfig {
  /** `redis://`, `rediss://` or `sentinel://`; may hold a password. */
  readonly brokerUrl: string;
  /** Which queue tasks go to: `{task: {queue}}`, in JSON or as Python writes it. */
  readonly routes: string;
  /** Whether a task is acknowledged only when its work is stored. */
  readonly acksLate: boolean;
  /** Tasks at the same time, 1 or more. */
  readonly concurrency: number;
  /** Tasks claimed beyond the running ones, as a multiple of `concurrency`; 0 is no limit. */
  readonly prefetchMultiplier: number;
  readonly maxTasksPerChild: number;
  /** Seconds after which a message that nobody has acknowledged goes back to its queue; the same in all workers. */
  readonly visibilityTimeoutSeconds: number;
}

export interface ObjectStoreConfig extends HostAndPort {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Whether to use TLS. */
  readonly secure: boolean;
}

export interface LimitsConfig {
  /** Comparisons that a chunk aims at. */
  readonly chunkSizeAim: number;
  /** A run with more candidate pairs fails. */
  readonly similarityScoresMaxCandidatePairs: number;
  /** A run with more candidate pairs to solve fails. */
  readonly solverMaxCandidatePairs: number;
  /** Bytes in an encoding, at least and at most. */
  readonly minEncodingSize: number;
  readonly maxEncodingSize: number;
  /** How long Redis keeps what it knows of a run, in seconds. */
  readonly cacheExpirySeconds: number;
  /** Encodings that a worker keeps in memory between tasks, in bytes. */
  readonly encodingCacheByteLength: number;
}

export interface Config {
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  readonly celery: CeleryConfig;
  readonly objectStore: ObjectStoreConfig;
  readonly limits: LimitsConfig;
}

/** Where the Python entity service sends its tasks; all others go to the default queue. */
const DEFAULT_ROUTES = JSON.stringify({
  "entityservice.tasks.comparing.create_comparison_jobs": { queue: "celery" },
  "entityservice.tasks.comparing.compute_filter_similarity": { queue: "compute" },
  "entityservice.tasks.comparing.aggregate_comparisons": { queue: "highmemory" },
  "entityservice.tasks.solver.solver_task": { queue: "highmemory" },
  "entityservice.tasks.permutation.save_and_permute": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.pull_external_data": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.handle_raw_upload": { queue: "celery" },
});

const COUNT = { least: 1, most: Number.MAX_SAFE_INTEGER };

/**
 * Reads the settings of a worker from environment variables, which have the names of the Python entity service. Beyond
 * those, servers may carry a port (`host:port`), ENCODING_CACHE_BYTES [512 MiB] bounds a worker's cache, and
 * CELERY_VISIBILITY_TIMEOUT_SECONDS [3600] says when the messages of dead workers go back to their queue. A variable that
 * is missing or empty has its default; numbers may carry underscores.
 *
 * @returns a frozen object
 * @throws ConfigError for the first variable that is wrong
 */
export function readConfig(env: Environment): Config {
  const redis = readRedis(env);
  return freezeDeep({
    database: readDatabase(env),
    redis,
    celery: readCelery(env, redis),
    objectStore: {
      ...readHostAndPort(env, "MINIO_SERVER", "minio", 9000),
      accessKey: readSecret(env, "MINIO_ACCESS_KEY"),
      secretKey: readSecret(env, "MINIO_SECRET_KEY"),
      bucket: readText(env, "MINIO_BUCKET", "entityservice"),
      secure: readBoolean(env, "MINIO_SECURE", false),
    },
    limits: readLimits(env),
  });
}

function readDatabase(env: Environment): DatabaseConfig {
  const maxConnections = readWhole(env, "CELERY_DB_MAX_CONNECTIONS", 3, { least: 1, most: 10_000 });
  return {
    ...readHostAndPort(env, "DATABASE_SERVER", "db", 5432),
    database: readText(env, "DATABASE", "postgres"),
    user: readText(env, "DATABASE_USER", "postgres"),
    password: readSecret(env, "DATABASE_PASSWORD"),
    minConnections: readWhole(env, "CELERY_DB_MIN_CONNECTIONS", 1, { least: 0, most: maxConnections }),
    maxConnections,
  };
}

function readRedis(env: Environment): RedisConfig {
  const usesSentinel = readBoolean(env, "REDIS_USE_SENTINEL", false);
  const seconds = readDecimal(env, "REDIS_SOCKET_TIMEOUT", 5, { least: 0.001, most: 86_400 });
  return {
    ...readHostAndPort(env, "REDIS_SERVER", "redis", usesSentinel ? 26_379 : 6379),
    password: readSecret(env, "REDIS_PASSWORD"),
    usesSentinel,
    sentinelName: readText(env, "REDIS_SENTINEL_NAME", "mymaster"),
    socketTimeoutMs: Math.ceil(1000 * seconds),
  };
}

function readCelery(env: Environment, redis: RedisConfig): CeleryConfig {
  return {
    brokerUrl: readBrokerUrl(env, redis),
    routes: readText(env, "CELERY_ROUTES", DEFAULT_ROUTES),
    acksLate: readBoolean(env, "CELERY_ACKS_LATE", true),
    concurrency: readWhole(env, "CELERYD_CONCURRENCY", 2, { least: 1, most: 1024 }),
    prefetchMultiplier: readWhole(env, "CELERYD_PREFETCH_MULTIPLIER", 1, { least: 0, most: 10_000 }),
    maxTasksPerChild: readWhole(env, "CELERYD_MAX_TASKS_PER_CHILD", 2048, COUNT),
    visibilityTimeoutSeconds: readWhole(env, "CELERY_VISIBILITY_TIMEOUT_SECONDS", 3600, {
      least: 1,
      most: 2_000_000, // setInterval takes up to 2^31 − 1 milliseconds
    }),
  };
}

function readLimits(env: Environment): LimitsConfig {
  const maxEncodingSize = readWhole(env, "MAX_ENCODING_SIZE", 1024, { least: 1, most: 4096 });
  return {
    chunkSizeAim: readWhole(env, "CHUNK_SIZE_AIM", 300_000_000, COUNT),
    similarityScoresMaxCandidatePairs: readWhole(
      env,
      "SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS",
      500_000_000,
      COUNT,
    ),
    solverMaxCandidatePairs: readWhole(env, "SOLVER_MAX_CANDIDATE_PAIRS", 100_000_000, COUNT),
    minEncodingSize: readWhole(env, "MIN_ENCODING_SIZE", 1, { least: 1, most: maxEncodingSize }),
    maxEncodingSize,
    // Redis takes times up to 2^31 − 1 seconds everywhere.
    cacheExpirySeconds: readWhole(env, "CACHE_EXPIRY_SECONDS", 864_000, { least: 1, most: 2 ** 31 - 1 }),
    encodingCacheByteLength: readWhole(env, "ENCODING_CACHE_BYTES", 512 * 2 ** 20, {
      least: 0,
      most: 2 ** 40,
    }),
  };
}

/** The broker; where none is named, database 0 of the Redis, as the Python service has it. */
function readBrokerUrl(env: Environment, { host, port, password, usesSentinel }: RedisConfig): string {
  const url = readText(env, "CELERY_BROKER_URL", "");
  if (/^(rediss?|sentinel):\/\/./.test(url)) return url;
  if (url !== "") {
    const expected = "a URL of redis, rediss or sentinel";
    throw new ConfigError("CELERY_BROKER_URL", expected, `a text of ${url.length} characters`);
  }
  const address = host.includes(":") ? `[${host}]` : host;
  const scheme = usesSentinel ? "sentinel" : "redis";
  return `${scheme}://:${encodeURIComponent(password)}@${address}:${port}/0`;
}

function freezeDeep<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freezeDeep(part);
  return Object.freeze(value);
}
