import { SqlDatabase } from "../sql/sql-database.js";
import type { ConnectionPool } from "./connection-pool.js";
import { PostgresConnection } from "./postgres-connection.js";

/** The entity service's tables on a PostgreSQL server. Closing it closes the pool. */
export class PostgresDatabase extends SqlDatabase {
  constructor(pool: ConnectionPool) {
    super(new PostgresConnection(pool));
  }
}
