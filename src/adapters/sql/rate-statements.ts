import { COMPARISONS_OF_PROJECTS } from "./block-statements.js";
import { NOT_DELETED } from "./project-statements.js";
import type { SqlConnection } from "./sql-connection.js";
import { NOW } from "./times.js";

/** Leaves out the runs of deleted projects, which have no blocks left to count. */
export async function measureRuns(
  connection: SqlConnection,
): Promise<{ readonly comparisons: number; readonly seconds: number }> {
  const [row] = await connection.query<{ comparisons: number; seconds: number }>(
    `WITH completed AS (
       SELECT runs.project, count(*) AS count, sum(runs.time_completed - runs.time_started) AS time
       FROM runs JOIN projects ON projects.project_id = runs.project
       WHERE runs.state = 'completed' AND ${NOT_DELETED}
       GROUP BY runs.project
     )
     SELECT coalesce(sum(completed.count * of_projects.comparisons), 0)::double precision AS comparisons,
       coalesce(extract(epoch FROM sum(completed.time)), 0)::double precision AS seconds
     FROM completed LEFT JOIN (${COMPARISONS_OF_PROJECTS}) AS of_projects ON of_projects.project = completed.project`,
  );
  return { comparisons: row!.comparisons, seconds: row!.seconds };
}

/** Rounds the rate, because the column holds integers. */
export async function addComparisonRate(connection: SqlConnection, rate: number): Promise<void> {
  await connection.query(`INSERT INTO metrics (rate, ts) VALUES ($1::double precision::bigint, ${NOW})`, [
    rate,
  ]);
}

export async function findComparisonRate(connection: SqlConnection): Promise<number | undefined> {
  const [row] = await connection.query<{ rate: number }>(
    "SELECT rate::double precision AS rate FROM metrics WHERE rate IS NOT NULL ORDER BY id DESC LIMIT 1",
  );
  return row?.rate;
}
