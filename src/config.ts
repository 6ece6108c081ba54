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
import { describeValue } from "./core/errors.js";

export { ConfigError, type Environment, type HostAndPort } from "./config/setting-readers.js";

export interface DatabaseConfig extends HostAndPort {
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Minimum connections in a worker's pool, 0 or more. */
  readonly minConnections: number;
  /** Maximum connections in the pool, 1 or more. */
  readonly maxConnections: number;
}

/** With `usesSentinel`, host and port are a Sentinel's, and `sentinelName` is the master's name. */
export interface RedisConfig extends HostAndPort {
  readonly password: string;
  readonly usesSentinel: boolean;
  readonly sentinelName: string;
  /** How long a command may take, in milliseconds. */
  readonly socketTimeoutMs: number;
}

export interface CeleryConfig {
  /** `redis://`, `rediss://` or `sentinel://`; may contain a password. */
  readonly brokerUrl: string;
  /** The queue of each task: `{task: {queue}}`, in JSON or as a Python literal. */
  readonly routes: string;
  /** Whether a task is acknowledged only after its work is stored. */
  readonly acksLate: boolean;
  /** Tasks that run at once, 1 or more. */
  readonly concurrency: number;
  /** Messages held for each of the `concurrency` tasks; 0 means no limit. */
  readonly prefetchMultiplier: number;
  readonly maxTasksPerChild: number;
  /** Celery's `broker_transport_options`, in JSON or as a Python literal; empty for Celery's defaults. */
  readonly transportOptions: string;
  /**
   * Seconds after which an unacknowledged message of a Python worker returns to its queue; must be the same for all
   * workers. If undefined, that of the transport options applies, or Celery's default, 3,600.
   */
  readonly visibilityTimeoutSeconds: number | undefined;
  /** Whether a worker accepts remote control, such as `celery inspect`, `revoke` and `shutdown`. */
  readonly enableRemoteControl: boolean;
  /** The file that keeps a worker's revoked ids across restarts, if any. */
  readonly stateFile: string | undefined;
  /** Maximum bytes of a message, and of its decompressed body. */
  readonly maxMessageBytes: number;
  /** Seconds after which a connection whose broker does not answer is reopened. */
  readonly socketTimeoutSeconds: number;
  /** Seconds that a worker waits for its tasks when it is asked to stop. */
  readonly shutdownGraceSeconds: number;
}

export interface ObjectStoreConfig extends HostAndPort {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Whether to use TLS. */
  readonly secure: boolean;
}

export interface LimitsConfig {
  /** Target number of comparisons per chunk. */
  readonly chunkSizeAim: number;
  /** A run with more candidate pairs fails. */
  readonly similarityScoresMaxCandidatePairs: number;
  /** A run with more candidate pairs to solve fails. */
  readonly solverMaxCandidatePairs: number;
  /** Minimum and maximum bytes of an encoding. */
  readonly minEncodingSize: number;
  readonly maxEncodingSize: number;
  /** How long Redis keeps the state of a run, in seconds. */
  readonly cacheExpirySeconds: number;
  /** Size of a worker's cache of encodings between tasks, in bytes. */
  readonly encodingCacheByteLength: number;
}

export interface Config {
  readonly database: DatabaseConfig;
  readonly redis: RedisConfig;
  readonly celery: CeleryConfig;
  readonly objectStore: ObjectStoreConfig;
  readonly limits: LimitsConfig;
}

/** The routes of the Python entity service; all other tasks go to the default queue. */
const DEFAULT_ROUTES = JSON.stringify({
  "entityservice.tasks.comparing.create_comparison_jobs": { queue: "celery" },
  "entityservice.tasks.comparing.compute_filter_similarity": { queue: "compute" },
  "entityservice.tasks.comparing.aggregate_comparisons": { queue: "highmemory" },
  "entityservice.tasks.solver.solver_task": { queue: "highmemory" },
  "entityservice.tasks.permutation.save_and_permute": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.pull_external_data": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.handle_raw_upload": { queue: "celery" },
});

const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER };

/**
 * Reads the settings of a worker from environment variables with the names of the Python entity service. Servers may
 * include a port (`host:port`). A missing or empty variable has its default. Numbers may contain underscores. Settings
 * that the Python service does not have: ENCODING_CACHE_BYTES [512 MiB], the size of a worker's cache;
 * CELERY_MAX_MESSAGE_BYTES [64 MiB], the largest message that it reads; CELERY_VISIBILITY_TIMEOUT_SECONDS [3600], when
 * the messages of a dead Python worker return to their queue; CELERY_BROKER_SOCKET_TIMEOUT_SECONDS [15], when a silent
 * connection to the broker is reopened; CELERY_SHUTDOWN_GRACE_SECONDS [90], how long a stopping worker waits for its
 * tasks.
 *
 * @returns a frozen object
 * @throws ConfigError for the first invalid variable
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
  const maxConnections = readWhole(env, "CELERY_DB_MAX_CONNECTIONS", 3, { min: 1, max: 10_000 });
  return {
    ...readHostAndPort(env, "DATABASE_SERVER", "db", 5432),
    database: readText(env, "DATABASE", "postgres"),
    user: readText(env, "DATABASE_USER", "postgres"),
    password: readSecret(env, "DATABASE_PASSWORD"),
    minConnections: readWhole(env, "CELERY_DB_MIN_CONNECTIONS", 1, { min: 0, max: maxConnections }),
    maxConnections,
  };
}

function readRedis(env: Environment): RedisConfig {
  const usesSentinel = readBoolean(env, "REDIS_USE_SENTINEL", false);
  const seconds = readDecimal(env, "REDIS_SOCKET_TIMEOUT", 5, { min: 0.001, max: 86_400 });
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
    concurrency: readWhole(env, "CELERYD_CONCURRENCY", 2, { min: 1, max: 1024 }),
    prefetchMultiplier: readWhole(env, "CELERYD_PREFETCH_MULTIPLIER", 1, { min: 0, max: 10_000 }),
    maxTasksPerChild: readWhole(env, "CELERYD_MAX_TASKS_PER_CHILD", 2048, COUNT),
    transportOptions: readText(env, "CELERY_BROKER_TRANSPORT_OPTIONS", ""),
    visibilityTimeoutSeconds: readVisibilityTimeout(env),
    enableRemoteControl: readBoolean(env, "CELERY_WORKER_ENABLE_REMOTE_CONTROL", true),
    stateFile: readText(env, "CELERY_WORKER_STATE_DB", "") || undefined,
    maxMessageBytes: readWhole(env, "CELERY_MAX_MESSAGE_BYTES", 64 * 2 ** 20, {
      min: 2 ** 20,
      max: 2 ** 28, // Redis values have up to 2^29 bytes, and a message shares its value with other data
    }),
    socketTimeoutSeconds: readWhole(env, "CELERY_BROKER_SOCKET_TIMEOUT_SECONDS", 15, {
      min: 1,
      max: 3600,
    }),
    shutdownGraceSeconds: readWhole(env, "CELERY_SHUTDOWN_GRACE_SECONDS", 90, { min: 0, max: 2_000_000 }),
  };
}

function readVisibilityTimeout(env: Environment): number | undefined {
  const variable = "CELERY_VISIBILITY_TIMEOUT_SECONDS";
  if (readText(env, variable, "") === "") return undefined;
  return readWhole(env, variable, 0, { min: 1, max: 2_000_000 }); // setInterval accepts up to 2^31 − 1 milliseconds
}

function readLimits(env: Environment): LimitsConfig {
  const maxEncodingSize = readWhole(env, "MAX_ENCODING_SIZE", 1024, { min: 1, max: 4096 });
  return {
    chunkSizeAim: readWhole(env, "CHUNK_SIZE_AIM", 300_000_000, COUNT),
    similarityScoresMaxCandidatePairs: readWhole(
      env,
      "SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS",
      500_000_000,
      COUNT,
    ),
    solverMaxCandidatePairs: readWhole(env, "SOLVER_MAX_CANDIDATE_PAIRS", 100_000_000, COUNT),
    minEncodingSize: readWhole(env, "MIN_ENCODING_SIZE", 1, { min: 1, max: maxEncodingSize }),
    maxEncodingSize,
    // All Redis commands accept times up to 2^31 − 1 seconds.
    cacheExpirySeconds: readWhole(env, "CACHE_EXPIRY_SECONDS", 864_000, { min: 1, max: 2 ** 31 - 1 }),
    encodingCacheByteLength: readWhole(env, "ENCODING_CACHE_BYTES", 512 * 2 ** 20, {
      min: 0,
      max: 2 ** 40,
    }),
  };
}

/** The broker's URL; default: database 0 of the Redis server, as in the Python service. */
function readBrokerUrl(env: Environment, { host, port, password, usesSentinel }: RedisConfig): string {
  const url = readText(env, "CELERY_BROKER_URL", "");
  if (url === "") {
    const address = host.includes(":") ? `[${host}]` : host;
    const scheme = usesSentinel ? "sentinel" : "redis";
    return `${scheme}://:${encodeURIComponent(password)}@${address}:${port}/0`;
  }
  if (!/^(rediss?|sentinel):\/\/./.test(url)) {
    throw new ConfigError(
      "CELERY_BROKER_URL",
      `CELERY_BROKER_URL must be a URL of redis, rediss or sentinel, not ${describeValue(url)}.`,
    );
  }
  if (!url.split(";").every(isAddress)) {
    throw new ConfigError(
      "CELERY_BROKER_URL",
      `CELERY_BROKER_URL must be a URL such as redis://:password@host:6379/0, not ${describeValue(url)}; percent-encode # / ? @ % [ ] ; and spaces in its user name and password (# is %23).`,
    );
  }
  return url;
}

/** Whether a URL parses as intended: an unencoded password may end it early, or be taken for its port. */
function isAddress(text: string): boolean {
  try {
    const { username, password, hash, pathname, search } = new URL(text);
    decodeURIComponent(`${username}${password}`);
    return hash === "" && !`${pathname}${search}`.includes("@");
  } catch {
    return false;
  }
}

function freezeDeep<T extends object>(value: T): T {
  for (const part of Object.values(value)) if (typeof part === "object" && part !== null) freezeDeep(part);
  return Object.freeze(value);
}
