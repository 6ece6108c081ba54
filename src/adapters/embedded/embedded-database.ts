import { join } from "node:path";
import { migrate } from "../sql/migrations/migrate.js";
import { SqlDatabase } from "../sql/sql-database.js";
import { DataFolder } from "./data-folder.js";
import { PgliteConnection } from "./pglite-connection.js";

/** The database of a service that is the only user of its data folder; it creates its own tables. */
export class EmbeddedDatabase extends SqlDatabase {
  readonly #folder: DataFolder | undefined;

  private constructor(connection: PgliteConnection, folder?: DataFolder) {
    super(connection);
    this.#folder = folder;
  }

  /**
   * Opens the database in the subfolder `database` of a data folder. The whole data folder is locked until the database
   * is closed or the process ends.
   *
   * @throws ServiceError `store-failed` if another process has the data folder open, or a later version created the
   *   tables
   */
  static async open(dataFolder: string): Promise<EmbeddedDatabase> {
    const folder = await DataFolder.open(dataFolder);
    try {
      return new EmbeddedDatabase(await start(join(folder.path, "database")), folder);
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** A database that is lost when it is closed. */
  static async inMemory(): Promise<EmbeddedDatabase> {
    return new EmbeddedDatabase(await start(undefined));
  }

  override async close(): Promise<void> {
    await super.close();
    this.#folder?.close();
  }
}

async function start(folder: string | undefined): Promise<PgliteConnection> {
  const connection = await PgliteConnection.open(folder);
  try {
    await migrate(connection);
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}
