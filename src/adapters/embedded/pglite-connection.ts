import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import type { SqlConnection, SqlValue, TransactionAction } from "../sql/sql-connection.js";

/** PGlite's whole configuration. PostgreSQL's own cache can be small, because the system caches the files. */
const SETTINGS = { postgresqlconf: ["shared_buffers = 16MB"] };

/** PostgreSQL in this process, with one connection: statements and transactions wait for each other. */
export class PgliteConnection implements SqlConnection {
  readonly #pglite: PGlite;

  private constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /**
   * Starts PostgreSQL, which takes about a second, and a few seconds the first time.
   *
   * @param folder where the data is kept; no other process may use it. Default: in memory
   */
  static async open(folder?: string): Promise<PgliteConnection> {
    if (folder === undefined) return new PgliteConnection(await PGlite.create("memory://", SETTINGS));
    if (!existsSync(folder)) await create(folder);
    return new PgliteConnection(await PGlite.create(`file://${folder}`, SETTINGS));
  }

  async query<Row extends object>(
    statement: string,
    values: readonly SqlValue[] = [],
    signal?: AbortSignal,
  ): Promise<Row[]> {
    signal?.throwIfAborted();
    return (await this.#pglite.query<Row>(statement, [...values])).rows;
  }

  transaction<T>(action: TransactionAction<T>): Promise<T> {
    return this.#pglite.transaction((transaction) => {
      const queries = {
        query: async <Row extends object>(statement: string, values: readonly SqlValue[] = []) =>
          (await transaction.query<Row>(statement, [...values])).rows,
      };
      return action(queries, false); // no connection to lose
    });
  }

  /** Waits for statements and transactions in progress. */
  async close(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close();
  }
}

/**
 * Creates a data folder in one step, so that a process killed meanwhile leaves none. Initialization takes half a
 * gigabyte of memory, which is released because the database is closed here and opened again by the caller.
 */
async function create(folder: string): Promise<void> {
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create(`file://${draft}`);
  await pglite.close();
  await rename(draft, folder);
}
