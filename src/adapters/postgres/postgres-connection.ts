import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { SqlConnection, SqlQueries, SqlValue } from "../sql/sql-connection.js";
import { type ConnectionPool, isTransient } from "./connection-pool.js";

/** How long to wait before asking again for the end of a transaction whose connection was lost. */
const OUTCOME_POLL_MS = 100;

/** The connection was lost while a transaction was being committed: only the server knows whether it was. */
class UnknownOutcome extends Error {
  constructor(
    readonly transactionId: string,
    readonly result: unknown,
    cause: unknown,
  ) {
    super("The connection was lost during COMMIT.", { cause });
  }
}

/** Statements and transactions on the connections of a pool, which outlive lost connections. */
export class PostgresConnection implements SqlConnection {
  readonly #pool: ConnectionPool;

  /** Closing it closes the pool. */
  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  query<Row extends object>(
    statement: string,
    values: readonly SqlValue[] = [],
    signal?: AbortSignal,
  ): Promise<Row[]> {
    return this.#pool.use((client) => queriesOf(client).query<Row>(statement, values), signal);
  }

  async transaction<T>(action: (queries: SqlQueries) => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await this.#pool.use((client) => runTransaction(client, action));
      } catch (error) {
        if (!(error instanceof UnknownOutcome)) throw error;
        if (await this.#wasCommitted(error.transactionId)) return error.result as T;
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The server remembers how the latest millions of transactions have ended, also when it was started anew. */
  async #wasCommitted(transactionId: string): Promise<boolean> {
    for (;;) {
      const [row] = await this.query<{ status: string | null }>("SELECT txid_status($1::bigint) AS status", [
        transactionId,
      ]);
      if (row?.status !== "in progress") return row?.status === "committed";
      await sleep(OUTCOME_POLL_MS);
    }
  }
}

async function runTransaction<T>(
  client: pg.PoolClient,
  action: (queries: SqlQueries) => Promise<T>,
): Promise<T> {
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  const { rows } = await client.query<{ id: string }>("SELECT txid_current()::text AS id");
  const result = await action(queriesOf(client));
  try {
    await client.query("COMMIT");
  } catch (error) {
    throw isTransient(error) ? new UnknownOutcome(rows[0]!.id, result, error) : error;
  }
  return result;
}

function queriesOf(client: pg.ClientBase): SqlQueries {
  return {
    async query<Row extends object>(statement: string, values: readonly SqlValue[] = []) {
      const { rows } = await client.query(statement, [...values]);
      return rows as Row[];
    },
  };
}
