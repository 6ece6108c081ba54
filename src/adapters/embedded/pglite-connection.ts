import { existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";
import type { SqlConnection, SqlValue, TransactionAction } from "../sql/sql-connection.js";

/** The whole of its configuration. The files are in the system's cache: what PostgreSQL's own is for, beyond a little. */
const SETTINGS = { postgresqlconf: ["shared_buffers = 16MB"] };

/** A PostgreSQL in this process, with one connection: statements and transactions wait for each other. */
export class PgliteConnection implements SqlConnection {
  readonly #pglite: PGlite;

  private constructor(pglite: PGlite) {
    this.#pglite = pglite;
  }

  /**
   * Starts it, which takes about a second, and a few the first time.
   *
   * @param folder where the data is kept, and no other process looks; default: in memory
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

  /** Waits for what is under way. */
  async close(): Promise<void> {
    if (!this.#pglite.closed) await this.#pglite.close();
  }
}

/**
 * Makes a new data folder, in one step, so that a process killed meanwhile leaves none. What makes it takes half a
 * gigabyte of memory: it is given back as the database is opened anew.
 */
async function create(folder: string): Promise<void> {
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  const pglite = await PGlite.create(`file://${draft}`);
  await pglite.close();
  await rename(draft, folder);
}
