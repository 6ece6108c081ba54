import test from "ava";
import { PgliteConnection } from "../../../src/adapters/embedded/pglite-connection.js";
import { testMigrations } from "../../contract/migrations.js";

let connection: PgliteConnection | undefined;
test.after.always(() => connection?.close());

testMigrations(test, async () => {
  connection ??= await PgliteConnection.open();
  await connection.query("DROP SCHEMA public CASCADE");
  await connection.query("CREATE SCHEMA public");
  return connection;
});
