import { ConnectionPool } from "../adapters/postgres/connection-pool.js";
import { PostgresConnection } from "../adapters/postgres/postgres-connection.js";
import { type Migrated, migrate } from "../adapters/sql/migrations/migrate.js";
import { type Environment, readConfig } from "../config.js";

/**
 * Migrates the tables of a cluster's database to their newest revision; waits up to two minutes for the database.
 *
 * @param env settings, by environment variable
 * @param onRetry called after each failed attempt, before the next one
 * @throws ConfigError for an invalid setting; ServiceError `store-failed` for foreign tables; the database's errors
 */
export async function migrateDatabase(env: Environment, onRetry?: (error: Error) => void): Promise<Migrated> {
  const { database } = readConfig(env);
  const pool = new ConnectionPool({ ...database, minConnections: 0, maxConnections: 1, retry: { onRetry } });
  const connection = new PostgresConnection(pool);
  try {
    return await migrate(connection);
  } finally {
    await connection.close();
  }
}
