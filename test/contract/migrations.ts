// The contract of migrations, for every database.
import type { ExecutionContext, TestFn } from "ava";
import { migrate } from "../../src/adapters/sql/migrations/migrate.js";
import type { SqlConnection, SqlQueries } from "../../src/adapters/sql/sql-connection.js";
import { SqlDatabase } from "../../src/adapters/sql/sql-database.js";
import { describeSchema } from "../servers/describe-schema.js";
import { NEWEST_SCHEMA, SCHEMAS } from "../servers/older-schemas.js";
import { addProject, randomId } from "./database/opened-database.js";

const REVISIONS = [...SCHEMAS.keys()];
const NEWEST = REVISIONS.at(-1)!;

async function run(queries: SqlQueries, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await queries.query(statement);
}

/** @param open opens an empty database; tests run one after the other */
export function testMigrations(test: TestFn, open: (t: ExecutionContext) => Promise<SqlConnection>): void {
  async function describePythons(t: ExecutionContext) {
    const connection = await open(t);
    await run(connection, NEWEST_SCHEMA);
    return describeSchema(connection);
  }

  test.serial(
    "creates the tables of the Python service in an empty database, and nothing else",
    async (t) => {
      const expected = await describePythons(t);
      t.true(
        expected.columns.length > 50 && expected.indexes.length > 20 && expected.constraints.length > 25,
      );
      const connection = await open(t);
      t.deepEqual(await migrate(connection), { from: undefined, to: NEWEST, applied: REVISIONS });
      t.deepEqual(await describeSchema(connection), expected);
      t.deepEqual(await connection.query("SELECT version_num FROM alembic_version"), [
        { version_num: NEWEST },
      ]);
      t.deepEqual(await migrate(connection), { from: NEWEST, to: NEWEST, applied: [] });
      t.deepEqual(await describeSchema(connection), expected);
    },
  );

  for (const [n, revision] of REVISIONS.entries()) {
    test.serial(`upgrades tables of revision ${revision} to the newest, with their rows`, async (t) => {
      const expected = await describePythons(t);
      const connection = await open(t);
      await run(connection, SCHEMAS.get(revision)!);
      const projectId = randomId();
      await connection.query(
        `INSERT INTO projects (project_id, access_token, schema, result_type) VALUES ($1, $2, '{}', 'groups')`,
        [projectId, randomId()],
      );
      await connection.query(
        "INSERT INTO runs (run_id, project, threshold, state, type) VALUES ($1, $2, 0.5, 'created', 'default')",
        [randomId(), projectId],
      );
      t.deepEqual(await migrate(connection), { from: revision, to: NEWEST, applied: REVISIONS.slice(n + 1) });
      t.deepEqual(await describeSchema(connection), expected);
      t.deepEqual(await connection.query("SELECT version_num FROM alembic_version"), [
        { version_num: NEWEST },
      ]);
      const database = new SqlDatabase(connection);
      t.like(await database.findProject(projectId), {
        name: "",
        notes: "",
        partyCount: 2,
        usesBlocking: false,
      });
      t.is((await database.listRuns(projectId)).length, 1);
      t.deepEqual(await database.queueRuns(projectId), [(await database.listRuns(projectId))[0]!.runId]);
    });
  }

  test.serial("concurrent migrations apply once", async (t) => {
    const connection = await open(t);
    const migrated = await Promise.all(Array.from({ length: 6 }, () => migrate(connection)));
    t.deepEqual(migrated.map(({ applied }) => applied.length).sort(), [0, 0, 0, 0, 0, 3]);
    await t.notThrowsAsync(new SqlDatabase(connection).check());
  });

  test.serial("reuses types left behind by undone migrations", async (t) => {
    const connection = await open(t);
    await migrate(connection);
    const expected = await describeSchema(connection);
    const tables = await connection.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
    );
    await connection.query(`DROP TABLE ${tables.map(({ name }) => name).join()}`);
    await connection.query("DELETE FROM alembic_version");
    t.deepEqual(await migrate(connection), { from: undefined, to: NEWEST, applied: REVISIONS });
    t.deepEqual(await describeSchema(connection), expected);
  });

  test.serial("a failed migration changes nothing and can be retried", async (t) => {
    const connection = await open(t);
    await connection.query("CREATE TABLE metrics (mine integer)");
    const before = await describeSchema(connection);
    await t.throwsAsync(migrate(connection), { message: /metrics/ });
    t.deepEqual(await describeSchema(connection), before);
    await connection.query("DROP TABLE metrics");
    t.is((await migrate(connection)).applied.length, 3);
  });

  test.serial("leaves foreign tables and tables of later versions alone", async (t) => {
    const connection = await open(t);
    await connection.query("CREATE TABLE projects (mine integer)");
    await t.throwsAsync(migrate(connection), {
      code: "store-failed",
      message: "The database has tables without a revision; it must be empty or from the entity service.",
    });
    await connection.query("DROP TABLE projects");
    await migrate(connection);
    await connection.query("UPDATE alembic_version SET version_num = '0123456789ab'");
    await t.throwsAsync(migrate(connection), {
      code: "store-failed",
      message: /unknown revision 0123456789ab; this version knows .*9a5d78339327/,
    });
    await t.throwsAsync(new SqlDatabase(connection).check(), {
      code: "store-failed",
      message: /has tables of revision 0123/,
    });
  });

  test.serial(
    "the check of a database without tables fails and names the command that creates them",
    async (t) => {
      const connection = await open(t);
      const database = new SqlDatabase(connection);
      await t.throwsAsync(database.check(), {
        code: "store-failed",
        message: /has no tables, .*anonlink-wasm migrate/,
      });
      await run(connection, SCHEMAS.get(REVISIONS[0]!)!);
      await t.throwsAsync(database.check(), {
        code: "store-failed",
        message: /has tables of revision 292d2f2d3939/,
      });
      await migrate(connection);
      await database.check();
      const { parties } = await addProject(database);
      t.is(parties.length, 2);
    },
  );
}
