import { ConnectionPool } from "../adapters/postgres/connection-pool.js";
import { PostgresConnection } from "../adapters/postgres/postgres-connection.js";
import { type Migrated, migrate } from "../adapters/sql/migrations/migrate.js";
import { type Environment, readConfig } from "../config.js";

/**
 * Brings the tables of a cluster's database to their newest revision, and waits for the database for two minutes.
 *
 * @param env settings, by the names of environment variables
 * @param onRetry told of each try that failed, before the next one
 * @throws ConfigError for a setting; ServiceError `store-failed` for tables of others; what the database throws
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
