import { type Config, readConfig } from "../config.js";
import { describeValue } from "../core/errors.js";
import {
  ConfigError,
  type Environment,
  readBoolean,
  readHostAndPort,
  readSecret,
  readText,
  readWhole,
} from "./setting-readers.js";

/** Settings and limits of the HTTP service. */
export interface HttpConfig {
  /** Origins whose pages may call the service, such as `https://example.org`; `*` for all. Default: none. */
  readonly corsOrigins: readonly string[];
  /** Request headers to log, in lower case; never one that contains a token. */
  readonly loggedHeaders: readonly string[];
  /** Maximum bytes of a small JSON body, such as that of a new project. */
  readonly maxJsonByteLength: number;
  /** Maximum number of parties in a project. */
  readonly maxParties: number;
}

export interface UploadConfig {
  /** Maximum bytes of an upload, after decoding any `Content-Encoding`. */
  readonly maxByteLength: number;
  readonly maxRecords: number;
  readonly maxBlocksPerRow: number;
  /** Bytes of UTF-8. */
  readonly maxBlockNameLength: number;
  /** Memory for sorting blocks, shared by all uploads, in bytes. */
  readonly blockMemoryByteLength: number;
  /** How long an upload's lease lasts without renewal, in seconds. */
  readonly leaseSeconds: number;
}

/** An object store that clients access directly, with temporary credentials. */
export interface SharedStoreConfig {
  /** `host` or `host:port` for clients. */
  readonly endpoint: string;
  readonly secure: boolean;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** How long credentials are valid, in seconds. */
  readonly durationSeconds: number;
}

export interface ServiceConfig extends Config {
  readonly http: HttpConfig;
  readonly upload: UploadConfig;
  /** Where a cluster stores new encodings. */
  readonly encodingStore: "tables" | "packed";
  /** Where parties may upload files; `undefined` if disabled or without keys. */
  readonly uploadStore: SharedStoreConfig | undefined;
  /** Where similarity scores may be downloaded; `undefined` without keys. */
  readonly downloadStore: SharedStoreConfig | undefined;
}

const SECRET_HEADERS = ["authorization", "proxy-authorization", "cookie"];

/** The limits of MinIO and AWS. */
const STS_SECONDS = { min: 900, max: 604_800 };

/**
 * Reads the settings of the service: those of {@link readConfig}, and those of the API. FLASK_DB_MIN/MAX_CONNECTIONS
 * limit its pool of database connections. Settings that the Python service does not have: MAX_UPLOAD_BYTES [16 GiB],
 * MAX_UPLOAD_ROWS [100 million], MAX_BLOCKS_PER_ROW [1000], MAX_BLOCK_NAME_BYTES [4096], UPLOAD_BLOCK_MEMORY_BYTES
 * [128 MiB], UPLOAD_LEASE_SECONDS [60], MAX_JSON_BYTES [1 MiB], MAX_PARTIES [100], CORS_ORIGINS [none], and
 * ENCODING_STORE [tables].
 *
 * @returns a frozen object
 * @throws ConfigError for the first invalid variable
 */
export function readServiceConfig(env: Environment): ServiceConfig {
  const config = readConfig(env);
  const maxConnections = readWhole(env, "FLASK_DB_MAX_CONNECTIONS", 10, { min: 1, max: 10_000 });
  return Object.freeze({
    ...config,
    database: Object.freeze({
      ...config.database,
      minConnections: readWhole(env, "FLASK_DB_MIN_CONNECTIONS", 1, { min: 0, max: maxConnections }),
      maxConnections,
    }),
    http: Object.freeze(readHttp(env)),
    upload: Object.freeze(readUpload(env)),
    encodingStore: readEncodingStore(env),
    uploadStore: readUploadStore(env),
    downloadStore: readDownloadStore(env, config.objectStore.bucket),
  });
}

function readHttp(env: Environment): HttpConfig {
  const loggedHeaders = readList(env, "LOG_HTTP_HEADER_FIELDS").map((name) => name.toLowerCase());
  return {
    corsOrigins: readOrigins(env),
    loggedHeaders: loggedHeaders.filter((name) => !SECRET_HEADERS.includes(name)),
    maxJsonByteLength: readWhole(env, "MAX_JSON_BYTES", 2 ** 20, { min: 1024, max: 2 ** 30 }),
    maxParties: readWhole(env, "MAX_PARTIES", 100, { min: 2, max: 32_767 }), // a smallint in the database
  };
}

function readUpload(env: Environment): UploadConfig {
  return {
    maxByteLength: readWhole(env, "MAX_UPLOAD_BYTES", 16 * 2 ** 30, { min: 1, max: 2 ** 50 }),
    maxRecords: readWhole(env, "MAX_UPLOAD_ROWS", 100_000_000, { min: 1, max: 2 ** 31 - 1 }), // an int column
    maxBlocksPerRow: readWhole(env, "MAX_BLOCKS_PER_ROW", 1000, { min: 1, max: 1_000_000 }),
    maxBlockNameLength: readWhole(env, "MAX_BLOCK_NAME_BYTES", 4096, { min: 1, max: 2 ** 20 }),
    blockMemoryByteLength: readWhole(env, "UPLOAD_BLOCK_MEMORY_BYTES", 2 ** 27, {
      min: 2 ** 20,
      max: 2 ** 36,
    }),
    leaseSeconds: readWhole(env, "UPLOAD_LEASE_SECONDS", 60, { min: 2, max: 86_400 }),
  };
}

function readEncodingStore(env: Environment): "tables" | "packed" {
  const name = readText(env, "ENCODING_STORE", "tables");
  if (name === "tables" || name === "packed") return name;
  const message = `ENCODING_STORE must be tables or packed, not ${describeValue(name)}.`;
  throw new ConfigError("ENCODING_STORE", message);
}

function readUploadStore(env: Environment): SharedStoreConfig | undefined {
  if (!readBoolean(env, "UPLOAD_OBJECT_STORE_ENABLED", true)) return undefined;
  return readSharedStore(env, "UPLOAD", readText(env, "UPLOAD_OBJECT_STORE_BUCKET", "anonlink-uploads"));
}

function readDownloadStore(env: Environment, bucket: string): SharedStoreConfig | undefined {
  return readSharedStore(env, "DOWNLOAD", bucket);
}

/** `undefined` without keys, because credentials cannot be issued then. */
function readSharedStore(
  env: Environment,
  use: "UPLOAD" | "DOWNLOAD",
  bucket: string,
): SharedStoreConfig | undefined {
  const name = (setting: string) => `${use}_OBJECT_STORE_${setting}`;
  const endpoint = readText(env, name("SERVER"), readText(env, "MINIO_SERVER", "minio:9000"));
  readHostAndPort({ [name("SERVER")]: endpoint }, name("SERVER"), "", 443); // throws if it is invalid
  const secure = readBoolean(env, name("SECURE"), true);
  const accessKey = readSecret(env, name("ACCESS_KEY"));
  const secretKey = readSecret(env, name("SECRET_KEY"));
  const durationSeconds = readWhole(env, name("STS_DURATION"), 43_200, STS_SECONDS);
  if (accessKey === "" || secretKey === "") return undefined;
  return Object.freeze({ endpoint, secure, accessKey, secretKey, bucket, durationSeconds });
}

function readOrigins(env: Environment): readonly string[] {
  const origins = readList(env, "CORS_ORIGINS");
  for (const origin of origins) {
    if (origin === "*") continue;
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      const message = `CORS_ORIGINS must be * or origins such as https://example.org, separated by commas, not "${origin.slice(0, 60)}".`;
      throw new ConfigError("CORS_ORIGINS", message);
    }
  }
  return Object.freeze(origins);
}

/** Strings separated by commas. */
function readList(env: Environment, variable: string): string[] {
  return readText(env, variable, "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
