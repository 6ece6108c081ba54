import { readFileSync } from "node:fs";
import type { RedisOptions } from "ioredis";

/** Connection settings that a URL cannot express. */
export interface ConnectionOptions {
  /** The master's name in the Sentinels' configuration; default `mymaster`. */
  readonly sentinelMaster?: string;
  /** The Sentinels' own password. */
  readonly sentinelPassword?: string;
  /**
   * Seconds after which a connection whose server does not answer is considered lost and is reopened; default 15.
   * Scripts and other commands that take the server longer cannot be used.
   */
  readonly socketTimeoutSeconds?: number;
}

const DEFAULT_SOCKET_TIMEOUT_SECONDS = 15;

/** A parsed server address: ioredis options, and the number of the database, which is part of channel names. */
export interface Connection {
  readonly options: RedisOptions;
  readonly database: number;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
/** The longest wait for a connection to open. */
const MAX_CONNECT_MS = 10_000;
/** Unless they are encoded, such characters end a password or start another part of the URL. */
const INVALID_ADDRESS =
  "The address of a Redis server must be a URL such as redis://:password@host:6379/0; if its user name or password has any of # / ? @ % [ ] ; : or a space, percent-encode them (# is %23).";

/** Milliseconds after which a silent connection counts as lost. */
export function socketTimeoutMs({ socketTimeoutSeconds }: ConnectionOptions): number {
  return 1000 * (socketTimeoutSeconds ?? DEFAULT_SOCKET_TIMEOUT_SECONDS);
}

/**
 * Parses the address of a Redis server in Celery's format: `redis://[user][:password]@host[:port][/database]`,
 * `rediss://…?ssl_cert_reqs=required|none&ssl_ca_certs=FILE&ssl_certfile=FILE&ssl_keyfile=FILE` for TLS,
 * `redis+socket:///path` or `socket:///path`, and `sentinel://host[:port][/database];sentinel://…` for Sentinels.
 * Error messages never contain the password.
 *
 * @throws TypeError with a one-sentence message, for anything else
 */
export function parseConnection(address: string, options: ConnectionOptions = {}): Connection {
  const parts = address.split(";").map((part) => parseUrl(part));
  const [first] = parts as [URL, ...URL[]];
  const connectTimeout = Math.min(MAX_CONNECT_MS, socketTimeoutMs(options));
  const shared: RedisOptions & { readonly sentinelCommandTimeout: number } = {
    connectTimeout,
    sentinelCommandTimeout: connectTimeout,
    // A command waits for the connection to recover instead of failing: its caller decides how long.
    maxRetriesPerRequest: null,
  };
  switch (first.protocol) {
    case "redis:":
    case "rediss:": {
      if (parts.length > 1) {
        throw new TypeError("A Redis server has one address; only Sentinels can have several.");
      }
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
          ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
        },
      };
    }
    default:
      throw new TypeError(
        `The address of a Redis server must begin with redis://, rediss://, redis+socket:// or sentinel://, not ${first.protocol}//.`,
      );
  }
}

function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new TypeError(INVALID_ADDRESS);
  }
  // The start of a password may look like a port, and the rest like a path: redis://user:12/34@host.
  const hasHost = !url.protocol.endsWith("socket:");
  if (url.hash !== "" || (hasHost && `${url.pathname}${url.search}`.includes("@"))) {
    throw new TypeError(INVALID_ADDRESS);
  }
  return url;
}

function databaseOf(path: string): number {
  const text = path.replace(/^\//, "");
  if (text === "") return 0;
  if (!/^\d{1,9}$/.test(text)) {
    throw new TypeError("The path of a Redis server's address must be the number of a database.");
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
    ...(url.username === "" ? {} : { username: decode(url.username) }),
    ...(url.password === "" ? {} : { password: decode(url.password) }),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new TypeError(INVALID_ADDRESS);
  }
}

function tlsOf(url: URL): RedisOptions {
  if (url.protocol !== "rediss:") return {};
  const parameter = (name: string) => url.searchParams.get(name) ?? undefined;
  const requirement = (parameter("ssl_cert_reqs") ?? "required").toLowerCase().replace(/^cert_/, "");
  if (!["required", "optional", "none"].includes(requirement)) {
    throw new TypeError("ssl_cert_reqs must be required, optional or none.");
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
