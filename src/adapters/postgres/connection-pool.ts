import { randomUUID } from "node:crypto";
import { Socket } from "node:net";
import pg from "pg";
import { errorCode, isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";
import { SilenceWatch, socketOf } from "./silence-watch.js";

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Connections kept open, 0 or more. */
  readonly minConnections: number;
  /** Maximum number of open connections, 1 or more. */
  readonly maxConnections: number;
  /** Retries at startup and after lost connections. */
  readonly retry?: RetryOptions;
}

/** How long the server may take to accept a connection. */
const CONNECT_TIMEOUT_MS = 10_000;
/** How long it may take to answer a trivial query. */
const ANSWER_TIMEOUT_MS = 5000;
/** A connection that was idle for this long is tested before it is used again. */
const STALE_MS = 5000;
/** After this long without a packet, the system probes the other side every second, up to ten times. */
const KEEP_ALIVE_MS = 10_000;
/** How long connections that are in use, or are being opened, may delay the closing of a pool. */
const CLOSE_MS = 2000;

/** PostgreSQL's error codes, besides those of class 08, after which a retry may succeed. */
const TRANSIENT_CODES = new Set([
  "57P01", // the server is shutting down, or an administrator closed the connection
  "57P02", // it crashed
  "57P03", // it cannot accept connections now
  "53300", // it has too many connections
  "40001", // a transaction conflicted with another
  "40P01",
]);

/** Messages of the driver's errors for a lost connection, which have no code. */
const LOST_CONNECTION = /connection terminated|connection error|timeout expired|timeout exceeded/i;

/**
 * Makes the server notice soon when a client has silently disappeared: otherwise its transaction's locks would be held
 * for hours. Older servers do not have all of these settings.
 */
const NOTICE_LOST_CLIENTS = `
SELECT set_config(known.name, wanted.value, false)
FROM (VALUES ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '2'), ('tcp_keepalives_count', '5'),
             ('tcp_user_timeout', '20000')) AS wanted (name, value)
JOIN pg_settings AS known ON known.name = wanted.name`;

/** Ends sessions of ours whose clients have given up, to release their locks. */
const END_SESSIONS = `
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = ANY ($1::text[]) AND usename = current_user AND pid <> pg_backend_pid()`;

/** Those of our sessions that are not waiting for their client. */
const BUSY_SESSIONS = `
SELECT application_name AS name FROM pg_stat_activity
WHERE application_name = ANY ($1::text[]) AND usename = current_user AND (state IS NULL OR state NOT LIKE 'idle%')`;

/** Sets its own connection timeout: the pool's would also limit the wait for a connection that is busy for long. */
class PooledClient extends pg.Client {
  /** Identifies the session on the server. */
  readonly applicationName: string;

  constructor(config: pg.ClientConfig = {}) {
    const { password } = config; // not enumerable in the pool's options, so not copied
    const applicationName = `anonlink-wasm ${randomUUID().slice(0, 13)}`;
    super({
      ...config,
      ...(password && { password }),
      application_name: applicationName,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    });
    this.applicationName = applicationName;
    // Pending queries report a lost connection; at times there are none.
    this.on("error", () => {});
  }
}

/** A pool of connections that survives restarts of the server, and servers that go silent. */
export class ConnectionPool {
  readonly #pool: pg.Pool;
  readonly #retry: RetryOptions;
  readonly #config: pg.ClientConfig;
  readonly #maxConnections: number;
  readonly #watch = new SilenceWatch((waiting, giveUp) => this.#probe(waiting, giveUp));
  /** When each connection was last used. */
  readonly #usedAt = new WeakMap<pg.ClientBase, number>();
  /** The sockets of all connections, including those being opened. */
  readonly #sockets = new Set<Socket>();

  constructor({ minConnections, maxConnections, retry = {}, ...connection }: PostgresOptions) {
    this.#retry = retry;
    this.#maxConnections = maxConnections;
    this.#config = {
      ...connection,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
      stream: () => this.#openSocket(),
    };
    this.#pool = new pg.Pool({
      ...this.#config,
      min: minConnections,
      max: maxConnections,
      Client: PooledClient,
      verify: (client: pg.PoolClient, done: (error?: Error) => void) => {
        answer(client, NOTICE_LOST_CLIENTS).then(() => done(), done);
      },
    } as pg.PoolConfig);
    // An idle connection was lost: the pool has dropped it, and opens another when needed.
    this.#pool.on("error", () => {});
  }

  /** Waits until the server answers, even if all connections are in use for a long time. */
  async waitUntilReady(signal?: AbortSignal): Promise<void> {
    if (this.#pool.idleCount === 0 && this.#pool.totalCount >= this.#maxConnections) {
      return withRetries(() => this.#probe(), isTransient, { ...this.#retry, signal });
    }
    await this.use(async (client) => void (await client.query("SELECT 1")), signal);
  }

  /** Runs one statement and returns its rows; it may run twice if the connection is lost. */
  query<Row extends pg.QueryResultRow>(statement: string, values: readonly unknown[]): Promise<Row[]> {
    return this.use(async (client) => (await client.query<Row>(statement, [...values])).rows);
  }

  /**
   * Lends a connection to an action, and retries the action after transient errors. When the action fails, the
   * connection is closed, and with it whatever the server was still doing for it.
   */
  use<T>(action: (client: pg.PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withRetries(() => this.useOnce(action), isTransient, { ...this.#retry, signal });
  }

  /** Like {@link use}, for an action that cannot be repeated. Waits for a connection, but does not retry. */
  async useOnce<T>(action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#borrow();
    this.#watch.add(client);
    let failed = true;
    try {
      const result = await action(client);
      failed = false;
      return result;
    } finally {
      this.#watch.remove(client);
      this.#usedAt.set(client, performance.now());
      client.release(failed);
    }
  }

  /** Closes all connections once they are returned, or after two seconds. */
  async close(): Promise<void> {
    const ended = this.#pool.end();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSE_MS);
    await ended.finally(() => clearTimeout(timer));
  }

  #openSocket(): Socket {
    const socket = new Socket();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    return socket;
  }

  /** Returns a connection that answers: an idle one may have been lost silently. */
  async #borrow(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await this.#pool.connect();
      const usedAt = this.#usedAt.get(client);
      if (usedAt === undefined || performance.now() - usedAt < STALE_MS) return client;
      try {
        await answer(client);
        return client;
      } catch {
        client.release(true);
      }
    }
  }

  /**
   * Queries the server on a new connection; see {@link Probe}.
   *
   * @throws the driver's error if the server does not answer
   */
  async #probe(
    waiting: readonly pg.ClientBase[] = [],
    giveUp: (idle: readonly pg.ClientBase[]) => readonly pg.ClientBase[] = () => [],
  ): Promise<void> {
    const client = new PooledClient(this.#config);
    const timer = setTimeout(() => socketOf(client).destroy(), ANSWER_TIMEOUT_MS);
    try {
      await client.connect();
      const { rows } = await client.query<{ name: string }>(BUSY_SESSIONS, [waiting.map(nameOf)]);
      const busy = new Set(rows.map(({ name }) => name));
      const lost = giveUp(waiting.filter((each) => !busy.has(nameOf(each))));
      if (lost.length > 0) await client.query(END_SESSIONS, [lost.map(nameOf)]);
    } finally {
      clearTimeout(timer);
      client.end().catch(() => {});
    }
  }
}

function nameOf(client: pg.ClientBase): string {
  return (client as PooledClient).applicationName;
}

/** Resolves if the server answers a trivial query on a connection in time; otherwise the connection is cut. */
async function answer(client: pg.ClientBase, question = "SELECT 1"): Promise<void> {
  const timer = setTimeout(() => socketOf(client).destroy(), ANSWER_TIMEOUT_MS);
  await client.query(question).finally(() => clearTimeout(timer));
}

/** Whether a retry may succeed. */
export function isTransient(error: unknown): boolean {
  const code = errorCode(error);
  if (code.startsWith("08") || TRANSIENT_CODES.has(code) || isNetworkError(error)) return true;
  return code === "" && error instanceof Error && LOST_CONNECTION.test(error.message);
}
