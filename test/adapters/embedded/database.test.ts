import test from "ava";
import { PgliteConnection } from "../../../src/adapters/embedded/pglite-connection.js";
import { migrate } from "../../../src/adapters/sql/migrations/migrate.js";
import { SqlDatabase } from "../../../src/adapters/sql/sql-database.js";
import { testDatabase } from "../../contract/database.js";

testDatabase(test, async () => {
  const connection = await PgliteConnection.open();
  await migrate(connection);
  return { connection, database: new SqlDatabase(connection) };
});
