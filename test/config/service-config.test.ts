import test from "ava";
import { readServiceConfig } from "../../src/config/service-config.js";

test("settings have defaults", (t) => {
  const config = readServiceConfig({});
  t.deepEqual(config.http, {
    corsOrigins: [],
    loggedHeaders: [],
    maxJsonByteLength: 2 ** 20,
    maxParties: 100,
  });
  t.like(config.database, { minConnections: 1, maxConnections: 10 });
  t.like(config.upload, { maxByteLength: 16 * 2 ** 30, maxRecords: 100_000_000 });
  t.is(config.encodingStore, "tables");
  t.is(config.uploadStore, undefined);
  t.is(config.downloadStore, undefined);
});

test("accepts the Python service's variable names, and underscores in numbers", (t) => {
  const config = readServiceConfig({
    FLASK_DB_MIN_CONNECTIONS: "3",
    FLASK_DB_MAX_CONNECTIONS: "30",
    CELERY_DB_MAX_CONNECTIONS: "5",
    MINIO_SERVER: "minio.internal:9000",
    MINIO_BUCKET: "scores",
    UPLOAD_OBJECT_STORE_ACCESS_KEY: "u",
    UPLOAD_OBJECT_STORE_SECRET_KEY: "us",
    UPLOAD_OBJECT_STORE_STS_DURATION: "3_600",
    DOWNLOAD_OBJECT_STORE_SERVER: "minio.example.org",
    DOWNLOAD_OBJECT_STORE_SECURE: "false",
    DOWNLOAD_OBJECT_STORE_ACCESS_KEY: "d",
    DOWNLOAD_OBJECT_STORE_SECRET_KEY: "ds",
    LOG_HTTP_HEADER_FIELDS: "User-Agent, X-Forwarded-For, Authorization, cookie",
    ENCODING_STORE: "packed",
    CORS_ORIGINS: "https://a.example, http://localhost:3000",
  });
  t.like(config.database, { minConnections: 3, maxConnections: 30 });
  t.deepEqual(config.uploadStore, {
    endpoint: "minio.internal:9000",
    secure: true,
    accessKey: "u",
    secretKey: "us",
    bucket: "anonlink-uploads",
    durationSeconds: 3600,
  });
  t.deepEqual(config.downloadStore, {
    endpoint: "minio.example.org",
    secure: false,
    accessKey: "d",
    secretKey: "ds",
    bucket: "scores",
    durationSeconds: 43_200,
  });
  t.deepEqual(config.http.loggedHeaders, ["user-agent", "x-forwarded-for"]);
  t.deepEqual(config.http.corsOrigins, ["https://a.example", "http://localhost:3000"]);
  t.is(config.encodingStore, "packed");
});

test("uploads through an object store can be disabled", (t) => {
  const keys = { UPLOAD_OBJECT_STORE_ACCESS_KEY: "u", UPLOAD_OBJECT_STORE_SECRET_KEY: "us" };
  t.truthy(readServiceConfig(keys).uploadStore);
  t.is(readServiceConfig({ ...keys, UPLOAD_OBJECT_STORE_ENABLED: "false" }).uploadStore, undefined);
});

for (const [variable, value] of [
  ["MAX_PARTIES", "1"],
  ["MAX_PARTIES", "100000"],
  ["MAX_UPLOAD_BYTES", "0"],
  ["MAX_UPLOAD_ROWS", "-5"],
  ["MAX_BLOCKS_PER_ROW", "some"],
  ["FLASK_DB_MAX_CONNECTIONS", "0"],
  ["FLASK_DB_MIN_CONNECTIONS", "11"],
  ["ENCODING_STORE", "files"],
  ["CORS_ORIGINS", "a.example"],
  ["CORS_ORIGINS", "https://a.example/path"],
  ["UPLOAD_OBJECT_STORE_STS_DURATION", "60"],
  ["UPLOAD_OBJECT_STORE_SERVER", "http://u:secret@minio"],
  ["DOWNLOAD_OBJECT_STORE_SECURE", "maybe"],
] as const) {
  test(`rejects ${variable}=${value} and names the variable`, (t) => {
    const error = t.throws(() => readServiceConfig({ [variable]: value }), { name: "ConfigError" });
    t.true(error.message.startsWith(`${variable} must be `), error.message);
    t.false(error.message.includes("secret"));
  });
}
