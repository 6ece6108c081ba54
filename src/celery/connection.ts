import { readFileSync } from "node:fs";
import type { RedisOptions } from "ioredis";

/** What a URL cannot say about a connection. */
export interface ConnectionOptions {
  /** The name of the master that Sentinels know; default `mymaster`. */
  readonly sentinelMaster?: string | undefined;
  /** The Sentinels' own password. */
  readonly sentinelPassword?: string | undefined;
  /** Milliseconds to wait for a connection; default 10,000. */
  readonly connectTimeoutMs?: number | undefined;
}

/** A server's address, taken apart: what ioredis needs, and the number of the database, which is part of channel names. */
export interface Connection {
  readonly options: RedisOptions;
  readonly database: number;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
/** The longest pause between two attempts to connect. */
const MOST_RETRY_DELAY_MS = 2000;

/**
 * Takes apart the address of a Redis server as Celery writes it: `redis://[user][:password]@host[:port][/database]`,
 * `rediss://…?ssl_cert_reqs=required|none&ssl_ca_certs=FILE&ssl_certfile=FILE&ssl_keyfile=FILE` for TLS,
 * `redis+socket:///path` or `socket:///path`, and `sentinel://host[:port][/database];sentinel://…` for Sentinels.
 * The password is nowhere in messages.
 *
 * @throws TypeError in one sentence, for anything else
 */
export function parseConnection(address: string, options: ConnectionOptions = {}): Connection {
  const parts = address.split(";").map((part) => parseUrl(part));
  const [first] = parts as [URL, ...URL[]];
  const shared: RedisOptions = {
    connectTimeout: options.connectTimeoutMs ?? 10_000,
    // A command waits for the connection to come back rather than fail: its caller decides how long.
    maxRetriesPerRequest: null,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), MOST_RETRY_DELAY_MS),
  };
  switch (first.protocol) {
    case "redis:":
    case "rediss:": {
      if (parts.length > 1) throw new TypeError("the address of a Redis server: expected one, got several");
      const database = databaseOf(first.pathname);
      return {
        database,
        options: { ...shared, ...serverOf(first), ...credentialsOf(first), db: database, ...tlsOf(first) },
      };
    }
    case "socket:":
    case "redis+socket:": {
      const database = databaseOf(first.searchParams.get("virtual_host") ?? "");
      return {
        database,
        options: { ...shared, ...credentialsOf(first), path: first.pathname, db: database },
      };
    }
    case "sentinel:": {
      const database = databaseOf(
        parts.map(({ pathname }) => pathname).find((path) => path.length > 1) ?? "",
      );
      const { sentinelMaster = "mymaster", sentinelPassword } = options;
      const credentials = parts.map(credentialsOf).find(({ password }) => password !== undefined) ?? {};
      const sentinels = parts.map((part) => ({
        host: part.hostname,
        port: part.port === "" ? DEFAULT_SENTINEL_PORT : Number(part.port),
      }));
      return {
        database,
        options: {
          ...shared,
          ...credentials,
          sentinels,
          name: sentinelMaster,
          db: database,
          sentinelRetryStrategy: shared.retryStrategy!,
          ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        },
      };
    }
    default:
      throw new TypeError(
        `the address of a Redis server: expected redis://, rediss://, redis+socket:// or sentinel://, got ${first.protocol}//`,
      );
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text);
  } catch {
    throw new TypeError("the address of a Redis server: expected a URL such as redis://host:6379/0");
  }
}

function databaseOf(path: string): number {
  const text = path.replace(/^\//, "");
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) {
    throw new TypeError("the address of a Redis server: expected the number of a database behind the host");
  }
  return Number(text);
}

function serverOf(url: URL): RedisOptions {
  return {
    host: url.hostname === "" ? "localhost" : url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? DEFAULT_PORT : Number(url.port),
  };
}

function credentialsOf(url: URL): { username?: string; password?: string } {
  return {
    ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === "" ? {} : { password: decodeURIComponent(url.password) }),
  };
}

function tlsOf(url: URL): RedisOptions {
  if (url.protocol !== "rediss:") return {};
  const parameter = (name: string) => url.searchParams.get(name) ?? undefined;
  const requirement = (parameter("ssl_cert_reqs") ?? "required").toLowerCase().replace(/^cert_/, "");
  if (!["required", "optional", "none"].includes(requirement)) {
    throw new TypeError("ssl_cert_reqs: expected required, optional or none");
  }
  const file = (name: string) => {
    const path = parameter(name);
    return path === undefined ? undefined : readFileSync(path);
  };
  const [ca, cert, key] = [file("ssl_ca_certs"), file("ssl_certfile"), file("ssl_keyfile")];
  return {
    tls: {
      rejectUnauthorized: requirement !== "none",
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(parameter("ssl_check_hostname") === "false" ? { checkServerIdentity: () => undefined } : {}),
    },
  };
}
