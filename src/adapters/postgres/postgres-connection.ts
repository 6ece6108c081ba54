import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { SqlConnection, SqlQueries, SqlValue, TransactionAction } from "../sql/sql-connection.js";
import { type ConnectionPool, isTransient } from "./connection-pool.js";

/** Delay before asking again for the outcome of a transaction whose connection was lost. */
const OUTCOME_POLL_MS = 100;

/**
 * Changes when the server has crashed, or another one has replaced it. Whatever was not on disk is lost then, including
 * the ids of unfinished transactions, which are assigned again: the status of such an id means nothing.
 */
const EPOCH = "concat(pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))";

interface TransactionId {
  readonly id: string;
  readonly epoch: string;
}

/** The connection was lost while a transaction was committing: only the server knows whether it committed. */
class UnknownOutcome extends Error {
  constructor(
    readonly transaction: TransactionId,
    readonly result: unknown,
    cause: unknown,
  ) {
    super("The connection was lost during COMMIT.", { cause });
  }
}

/** Statements and transactions on a pool's connections; they survive the loss of a connection. */
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

  async transaction<T>(action: TransactionAction<T>): Promise<T> {
    for (let mayBeDone = false; ; ) {
      try {
        return await this.#pool.use((client) => runTransaction(client, action, mayBeDone));
      } catch (error) {
        if (!(error instanceof UnknownOutcome)) throw error;
        const outcome = await this.#outcomeOf(error.transaction);
        if (outcome === "committed") return error.result as T;
        mayBeDone ||= outcome === "unknown";
      }
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  /** The server remembers the outcomes of the latest millions of transactions, unless it crashes. */
  async #outcomeOf({ id, epoch }: TransactionId): Promise<"committed" | "lost" | "unknown"> {
    for (;;) {
      const [row] = await this.query<{ status: string | null }>(
        `SELECT CASE WHEN ${EPOCH} = $2 THEN coalesce(txid_status($1::bigint), 'unknown') ELSE 'unknown' END AS status`,
        [id, epoch],
      );
      const status = row!.status;
      if (status === "committed" || status === "unknown") return status;
      if (status !== "in progress") return "lost";
      await sleep(OUTCOME_POLL_MS);
    }
  }
}

async function runTransaction<T>(
  client: pg.PoolClient,
  action: TransactionAction<T>,
  mayBeDone: boolean,
): Promise<T> {
  await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
  const { rows } = await client.query<TransactionId>(`SELECT txid_current()::text AS id, ${EPOCH} AS epoch`);
  const result = await action(queriesOf(client), mayBeDone);
  try {
    await client.query("COMMIT");
  } catch (error) {
    throw isTransient(error) ? new UnknownOutcome(rows[0]!, result, error) : error;
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
