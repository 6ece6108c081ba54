import { PGlite } from "@electric-sql/pglite";
import type { SqlConnection, SqlQueries, SqlValue } from "../sql/sql-connection.js";

/** A PostgreSQL in this process, with one connection: statements and transactions wait for each other. */
export class PgliteConnection implements SqlConnection {
  readonly #pglite: PGlite;

  private constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /**
   * Starts it, which takes about a second.
   *
   * @param folder where the data is kept, and no other process looks; default: in memory
   */
  static async open(folder?: string): Promise<PgliteConnection> {
    return new PgliteConnection(await PGlite.create(folder === undefined ? "memory://" : `file://${folder}`));
  }

  async query<Row extends object>(
    statement: string,
    values: readonly SqlValue[] = [],
    signal?: AbortSignal,
  ): Promise<Row[]> {
    signal?.throwIfAborted();
    return (await this.#pglite.query<Row>(statement, [...values])).rows;
  }

  transaction<T>(action: (queries: SqlQueries) => Promise<T>): Promise<T> {
    return this.#pglite.transaction((transaction) =>
      action({
        query: async <Row extends object>(statement: string, values: readonly SqlValue[] = []) =>
          (await transaction.query<Row>(statement, [...values])).rows,
      }),
    );
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close();
  }
}
