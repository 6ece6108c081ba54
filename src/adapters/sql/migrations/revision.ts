import type { SqlConnection, SqlQueries } from "../sql-connection.js";

/** The table in which the Python service's migrations store the revision, as one row. */
const TABLE = "alembic_version";

/** The revision of the tables; `undefined` if there are none. */
export async function readRevision(
  queries: Pick<SqlConnection, "query">,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const [table] = await queries.query<{ exists: boolean }>(
    `SELECT to_regclass('${TABLE}') IS NOT NULL AS exists`,
    [],
    signal,
  );
  if (!table!.exists) return undefined;
  const [row] = await queries.query<{ version_num: string }>(`SELECT version_num FROM ${TABLE}`, [], signal);
  return row?.version_num;
}

export async function writeRevision(queries: SqlQueries, revision: string): Promise<void> {
  await queries.query(
    `CREATE TABLE IF NOT EXISTS ${TABLE} (
       version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
     )`,
  );
  await queries.query(`DELETE FROM ${TABLE}`);
  await queries.query(`INSERT INTO ${TABLE} (version_num) VALUES ($1)`, [revision]);
}
