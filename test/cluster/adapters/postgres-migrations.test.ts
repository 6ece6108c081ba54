import test from "ava";
import pg from "pg";
import { ConnectionPool } from "../../../src/adapters/postgres/connection-pool.js";
import { PostgresConnection } from "../../../src/adapters/postgres/postgres-connection.js";
import { runCli } from "../../cli/run-cli.js";
import { testMigrations } from "../../contract/migrations.js";
import { describeSchema } from "../../servers/describe-schema.js";
import { type PostgresServer, startPostgres } from "../../servers/postgres.js";

let server: PostgresServer;
let databaseCount = 0;

test.before(async () => {
  server = await startPostgres();
});
test.after.always(() => server?.remove());

/** Creates an empty database; returns its name. */
async function createDatabase(): Promise<string> {
  const name = `empty_${databaseCount++}`;
  const client = new pg.Client(server.connection());
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  return name;
}

function connect(database: string): PostgresConnection {
  return new PostgresConnection(
    new ConnectionPool({ ...server.connection(database), minConnections: 0, maxConnections: 6 }),
  );
}

testMigrations(test, async (t) => {
  const connection = connect(await createDatabase());
  t.teardown(() => connection.close());
  return connection;
});

function settings(database: string): NodeJS.ProcessEnv {
  return {
    DATABASE_SERVER: `${server.host}:${server.port}`,
    DATABASE: database,
    DATABASE_USER: server.user,
    DATABASE_PASSWORD: server.password,
  };
}

test.serial("migrate works from several processes at once and reports what it did", async (t) => {
  const database = await createDatabase();
  const results = await Promise.all(
    Array.from({ length: 4 }, () => runCli(["migrate"], undefined, settings(database))),
  );
  t.deepEqual(
    results.map(({ code, stderr }) => [code, stderr]),
    results.map(() => [0, ""]),
  );
  t.deepEqual(results.map(({ stdout }) => stdout).sort(), [
    ...Array.from({ length: 3 }, () => "The tables are up to date (revision 9a5d78339327).\n"),
    "The tables were made (revision 9a5d78339327).\n",
  ]);
  const connection = connect(database);
  t.teardown(() => connection.close());
  const migrated = await describeSchema(connection);
  await connection.query("ALTER TABLE encodings DROP COLUMN dp");
  await connection.query("ALTER TABLE runs DROP COLUMN error_msg");
  await connection.query("UPDATE alembic_version SET version_num = '292d2f2d3939'");
  const older = await runCli(["migrate"], undefined, settings(database));
  t.is(
    older.stdout,
    "The tables were brought from revision 292d2f2d3939 to e321799791b7, then 9a5d78339327.\n",
  );
  t.deepEqual(await describeSchema(connection), migrated);
});

test.serial("migrate fails with a one-sentence error that omits the password", async (t) => {
  const database = await createDatabase();
  const connection = connect(database);
  t.teardown(() => connection.close());
  await connection.query("CREATE TABLE projects (mine integer)");
  const foreign = await runCli(["migrate"], undefined, settings(database));
  t.is(foreign.code, 1);
  t.is(
    foreign.stderr,
    "anonlink-wasm: The database has tables without a revision; it must be empty or from the entity service.\n",
  );
  const password = "a-wrong-password";
  const refused = await runCli(["migrate"], undefined, {
    ...settings(database),
    DATABASE_PASSWORD: password,
  });
  t.is(refused.code, 1);
  t.regex(refused.stderr, /^anonlink-wasm: .*password authentication failed.*\n$/);
  t.false(refused.stderr.includes(password));
  const missing = await runCli(["migrate"], undefined, settings("not_there"));
  t.is(missing.code, 1);
  t.regex(missing.stderr, /^anonlink-wasm: database "not_there" does not exist\n$/);
  const wrong = await runCli(["migrate"], undefined, { ...settings(database), DATABASE_SERVER: "db:none" });
  t.is(wrong.code, 2);
  t.regex(wrong.stderr, /^anonlink-wasm: DATABASE_SERVER must be /);
});
