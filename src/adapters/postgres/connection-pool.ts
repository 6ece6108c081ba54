import pg from "pg";
import { errorCode, isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** Connections kept open, 0 or more. */
  readonly minConnections: number;
  /** Connections open at most, 1 or more. */
  readonly maxConnections: number;
  /** Retries at the start and after lost connections. */
  readonly retry?: RetryOptions | undefined;
}

/** How long the server may take to let a client in. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Codes of PostgreSQL, beside those of class 08, that say that a later try may succeed. */
const TRANSIENT_CODES = new Set([
  "57P01", // the server shuts down, or an administrator ended the connection
  "57P02", // it crashed
  "57P03", // it cannot take connections now
  "53300", // it has too many
  "40001", // a transaction lost against another
  "40P01",
]);

/** What the driver says of a connection that was lost, without a code. */
const LOST_CONNECTION = /connection terminated|connection error|timeout expired|timeout exceeded/i;

/** The pool's own time-out would also end the waiting for a connection that is busy with a long answer. */
class PooledClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    const { password } = config; // which the pool hides from copies
    super({ ...config, ...(password && { password }), connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    // Whoever waits for an answer is told of a lost connection; there are moments when nobody does.
    this.on("error", () => {});
  }
}

/** A pool of connections that outlives the server's restarts. */
export class ConnectionPool {
  readonly #pool: pg.Pool;
  readonly #retry: RetryOptions;

  constructor({ minConnections, maxConnections, retry = {}, ...connection }: PostgresOptions) {
    this.#retry = retry;
    this.#pool = new pg.Pool({
      ...connection,
      min: minConnections,
      max: maxConnections,
      Client: PooledClient,
      keepAlive: true,
      application_name: "anonlink-wasm",
    });
    // An idle connection was lost: the pool has dropped it, and opens another when one is needed.
    this.#pool.on("error", () => {});
  }

  /** Waits until the server answers. */
  async waitUntilReady(signal?: AbortSignal): Promise<void> {
    await this.use(async (client) => void (await client.query("SELECT 1")), signal);
  }

  /** Runs one statement and returns its rows; it may run twice if the connection is lost. */
  query<Row extends pg.QueryResultRow>(statement: string, values: readonly unknown[]): Promise<Row[]> {
    return this.use(async (client) => (await client.query<Row>(statement, [...values])).rows);
  }

  /**
   * Lends a connection, again and again until the action succeeds or fails for a reason that does not pass. When it
   * fails, the connection is closed, and with it whatever the server was still doing for it.
   */
  use<T>(action: (client: pg.PoolClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withRetries(() => this.useOnce(action), isTransient, { ...this.#retry, signal });
  }

  /** As {@link use}, for an action that cannot be done again. Waits for a connection, but does not try twice. */
  async useOnce<T>(action: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let failed = true;
    try {
      const result = await action(client);
      failed = false;
      return result;
    } finally {
      client.release(failed);
    }
  }

  /** Closes all connections once they are given back. */
  async close(): Promise<void> {
    await this.#pool.end();
  }
}

/** Whether a later try may succeed. */
export function isTransient(error: unknown): boolean {
  const code = errorCode(error);
  if (code.startsWith("08") || TRANSIENT_CODES.has(code) || isNetworkError(error)) return true;
  return code === "" && error instanceof Error && LOST_CONNECTION.test(error.message);
}
