import test from "ava";
import { ConfigError, readConfig } from "../src/config.js";

test("the defaults are the Python service's, except for late acknowledgment", (t) => {
  t.like(readConfig({}), {
    database: {
      host: "db",
      port: 5432,
      database: "postgres",
      user: "postgres",
      password: "",
      minConnections: 1,
    },
    redis: { host: "redis", port: 6379, password: "", usesSentinel: false, socketTimeoutMs: 5000 },
    celery: {
      brokerUrl: "redis://:@redis:6379/0",
      acksLate: true,
      concurrency: 2,
      prefetchMultiplier: 1,
      maxTasksPerChild: 2048,
      transportOptions: "",
      visibilityTimeoutSeconds: undefined,
      enableRemoteControl: true,
      stateFile: undefined,
      maxMessageBytes: 67_108_864,
      socketTimeoutSeconds: 15,
      shutdownGraceSeconds: 90,
    },
    objectStore: { host: "minio", port: 9000, bucket: "entityservice", secure: false },
    limits: {
      chunkSizeAim: 300_000_000,
      similarityScoresMaxCandidatePairs: 500_000_000,
      solverMaxCandidatePairs: 100_000_000,
      minEncodingSize: 1,
      maxEncodingSize: 1024,
      cacheExpirySeconds: 864_000,
    },
  });
  const { routes } = readConfig({}).celery;
  t.is(JSON.parse(routes)["entityservice.tasks.comparing.compute_filter_similarity"].queue, "compute");
});

test("reads every variable", (t) => {
  const config = readConfig({
    DATABASE_SERVER: "postgres.example:5433",
    DATABASE: "linkage",
    DATABASE_USER: "me",
    DATABASE_PASSWORD: " p w ",
    CELERY_DB_MIN_CONNECTIONS: "0",
    CELERY_DB_MAX_CONNECTIONS: "7",
    REDIS_SERVER: "[::1]:6400",
    REDIS_PASSWORD: "a/b",
    REDIS_SOCKET_TIMEOUT: "0.5",
    CELERY_ACKS_LATE: "False",
    CELERYD_CONCURRENCY: "4",
    CELERYD_PREFETCH_MULTIPLIER: "3",
    CELERYD_MAX_TASKS_PER_CHILD: "1_000",
    CELERY_VISIBILITY_TIMEOUT_SECONDS: "5",
    CELERY_BROKER_TRANSPORT_OPTIONS: "{'sep': ':'}",
    CELERY_WORKER_ENABLE_REMOTE_CONTROL: "false",
    CELERY_WORKER_STATE_DB: "/var/lib/worker/state.json",
    CELERY_MAX_MESSAGE_BYTES: "1_048_576",
    CELERY_BROKER_SOCKET_TIMEOUT_SECONDS: "4",
    CELERY_SHUTDOWN_GRACE_SECONDS: "3",
    MINIO_SERVER: "s3.example",
    MINIO_ACCESS_KEY: "key",
    MINIO_SECRET_KEY: "secret",
    MINIO_BUCKET: "bucket",
    MINIO_SECURE: "1",
    CHUNK_SIZE_AIM: "1_000_000",
    SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS: "10",
    SOLVER_MAX_CANDIDATE_PAIRS: "20",
    MIN_ENCODING_SIZE: "8",
    MAX_ENCODING_SIZE: "128",
    CACHE_EXPIRY_SECONDS: "60",
    ENCODING_CACHE_BYTES: "0",
  });
  t.deepEqual(config.database, {
    host: "postgres.example",
    port: 5433,
    database: "linkage",
    user: "me",
    password: " p w ",
    minConnections: 0,
    maxConnections: 7,
  });
  t.like(config.redis, { host: "::1", port: 6400, password: "a/b", socketTimeoutMs: 500 });
  t.is(config.celery.brokerUrl, "redis://:a%2Fb@[::1]:6400/0");
  t.like(config.celery, { acksLate: false, concurrency: 4, prefetchMultiplier: 3, maxTasksPerChild: 1000 });
  t.like(config.celery, {
    visibilityTimeoutSeconds: 5,
    maxMessageBytes: 1_048_576,
    socketTimeoutSeconds: 4,
    shutdownGraceSeconds: 3,
  });
  t.deepEqual(config.objectStore, {
    host: "s3.example",
    port: 9000,
    accessKey: "key",
    secretKey: "secret",
    bucket: "bucket",
    secure: true,
  });
  t.deepEqual(config.limits, {
    chunkSizeAim: 1_000_000,
    similarityScoresMaxCandidatePairs: 10,
    solverMaxCandidatePairs: 20,
    minEncodingSize: 8,
    maxEncodingSize: 128,
    cacheExpirySeconds: 60,
    encodingCacheByteLength: 0,
  });
});

test("with Sentinel, host and port default to those of Sentinel", (t) => {
  const { redis, celery } = readConfig({ REDIS_USE_SENTINEL: "true", REDIS_SENTINEL_NAME: "main" });
  t.like(redis, { host: "redis", port: 26_379, usesSentinel: true, sentinelName: "main" });
  t.is(celery.brokerUrl, "sentinel://:@redis:26379/0");
});

test("uses a broker URL as is", (t) => {
  const url = "sentinel://:pw@one:26379/1;sentinel://two:26379/1";
  t.is(readConfig({ CELERY_BROKER_URL: url }).celery.brokerUrl, url);
});

test("an empty variable counts as unset", (t) => {
  const names = [
    "CELERYD_CONCURRENCY",
    "MINIO_SECURE",
    "DATABASE_SERVER",
    "CELERY_ROUTES",
    "CELERY_BROKER_URL",
  ];
  t.deepEqual(readConfig(Object.fromEntries(names.map((name) => [name, ""]))), readConfig({}));
});

test("the settings are frozen", (t) => {
  const config = readConfig({});
  t.throws(() => Object.assign(config.redis, { host: "other" }), { instanceOf: TypeError });
  t.true(Object.isFrozen(config) && Object.isFrozen(config.celery));
});

const wrong: [variable: string, value: string, message: string][] = [
  ["CELERYD_CONCURRENCY", "two", 'must be a whole number from 1 to 1024, not "two".'],
  ["CELERY_VISIBILITY_TIMEOUT_SECONDS", "0", 'must be a whole number from 1 to 2000000, not "0".'],
  ["CELERY_MAX_MESSAGE_BYTES", "1000", 'must be a whole number from 1048576 to 268435456, not "1000".'],
  ["CELERYD_CONCURRENCY", "0", 'must be a whole number from 1 to 1024, not "0".'],
  ["CELERYD_CONCURRENCY", "1.5", 'must be a whole number from 1 to 1024, not "1.5".'],
  ["CHUNK_SIZE_AIM", "1__0", 'must be a whole number from 1 to 9007199254740991, not "1__0".'],
  ["REDIS_SOCKET_TIMEOUT", "-1", 'must be a number from 0.001 to 86400, not "-1".'],
  ["MINIO_SECURE", "maybe", 'must be true or false, not "maybe".'],
  ["CELERY_DB_MIN_CONNECTIONS", "4", 'must be a whole number from 0 to 3, not "4".'],
  ["MIN_ENCODING_SIZE", "2000", 'must be a whole number from 1 to 1024, not "2000".'],
  ["DATABASE_SERVER", "me:pw@db", "must be a host or host:port, not a string of 8 characters."],
  ["REDIS_SERVER", "redis:99999", "must be a host or host:port, not a string of 11 characters."],
  [
    "CELERY_BROKER_URL",
    "amqp://me:pw@host",
    "must be a URL of redis, rediss or sentinel, not a string of 17 characters.",
  ],
];
for (const url of [
  "redis://:12#34@host:6379/0",
  "redis://me:12#34@host:6379/0",
  "redis://me:12/34@host:6379/0",
  "redis://me:12?34@host:6379/0",
  "redis://:pa#ss@host",
  "redis://:pa/ss@host",
  "redis://:100%@host",
  "rediss://:pa%zz@host",
  "sentinel://:100%@one:26379/1;sentinel://two:26379/1",
  "sentinel://:a;b@one:26379/1",
]) {
  wrong.push([
    "CELERY_BROKER_URL",
    url,
    `must be a URL such as redis://:password@host:6379/0, not a string of ${url.length} characters; percent-encode # / ? @ % [ ] ; and spaces in its user name and password (# is %23).`,
  ]);
}
for (const [variable, value, message] of wrong) {
  test(`rejects ${variable}=${value} with a one-sentence error`, (t) => {
    const error = t.throws(() => readConfig({ [variable]: value }), { instanceOf: ConfigError });
    t.is(error.message, `${variable} ${message}`);
    t.is(error.variable, variable);
    t.is(error.code, "invalid-setting");
  });
}
