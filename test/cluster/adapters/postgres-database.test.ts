import test from "ava";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../../../src/adapters/postgres/database.js";
import { PostgresConnection } from "../../../src/adapters/postgres/postgres-connection.js";
import { testDatabase } from "../../contract/database.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";

let server: PostgresServer | undefined;
test.after.always(() => server?.remove());

testDatabase(test, async () => {
  server = await startPostgres();
  await server.createDatabase("entityservice");
  const pool = new ConnectionPool({
    ...server.connection("entityservice"),
    minConnections: 0,
    maxConnections: 8,
  });
  return { connection: new PostgresConnection(pool), database: new PostgresDatabase(pool) };
});
