import { ServiceError } from "../../linkage/errors.js";
import { mayBeDataproviderId, mayBeId } from "./known-ids.js";
import type { SqlConnection, SqlQueries } from "./sql-connection.js";

/** PostgreSQL's error code for a value that is too large to store: for JSON, above 256 MiB. */
const LIMIT_EXCEEDED = "54000";

/** Locks an existing run, so that concurrent writers of its result wait, and later ones see that it is stored. */
async function withRun(
  connection: SqlConnection,
  runId: string,
  action: (queries: SqlQueries) => Promise<void>,
): Promise<void> {
  if (!mayBeId(runId)) return;
  await connection.transaction(async (queries) => {
    const runs = await queries.query("SELECT 1 FROM runs WHERE run_id = $1 FOR NO KEY UPDATE", [runId]);
    if (runs.length > 0) await action(queries);
  });
}

export function addSimilarityScores(connection: SqlConnection, runId: string, file: string): Promise<void> {
  return withRun(connection, runId, async (queries) => {
    await queries.query(
      `INSERT INTO similarity_scores (run, file)
       SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM similarity_scores WHERE run = $1)`,
      [runId, file],
    );
  });
}

export function findSimilarityScores(connection: SqlConnection, runId: string): Promise<string | undefined> {
  return findText(
    connection,
    "SELECT file::text AS text FROM similarity_scores WHERE run = $1 ORDER BY id LIMIT 1",
    runId,
  );
}

export async function addGroups(connection: SqlConnection, runId: string, groups: string): Promise<void> {
  await withRun(connection, runId, async (queries) => {
    await queries.query(
      `INSERT INTO run_results (run_id, result)
       SELECT $1, $2::text::jsonb WHERE NOT EXISTS (SELECT FROM run_results WHERE run_id = $1)`,
      [runId, groups],
    );
  }).catch((error: unknown) => {
    if ((error as { code?: unknown }).code !== LIMIT_EXCEEDED) throw error;
    throw new ServiceError(
      "store-failed",
      `The groups take ${groups.length} characters of JSON; PostgreSQL stores up to 256 MiB, about three million groups.`,
    );
  });
}

export function findGroups(connection: SqlConnection, runId: string): Promise<string | undefined> {
  return findText(
    connection,
    "SELECT result::text AS text FROM run_results WHERE run_id = $1 ORDER BY id LIMIT 1",
    runId,
  );
}

export async function addPermutations(
  connection: SqlConnection,
  projectId: string,
  runId: string,
  permutations: readonly { dataproviderId: number; permutation: string }[],
  mask: string,
): Promise<void> {
  if (!mayBeId(projectId)) return;
  await withRun(connection, runId, async (queries) => {
    const stored = await queries.query("SELECT 1 FROM permutation_masks WHERE run = $1 LIMIT 1", [runId]);
    if (stored.length > 0) return;
    for (const { dataproviderId, permutation } of permutations) {
      await queries.query(
        "INSERT INTO permutations (dp, run, permutation) VALUES ($1, $2, $3::text::jsonb)",
        [dataproviderId, runId, permutation],
      );
    }
    await queries.query(
      "INSERT INTO permutation_masks (project, run, raw) VALUES ($1, $2, $3::text::jsonb)",
      [projectId, runId, mask],
    );
  });
}

export async function findPermutation(
  connection: SqlConnection,
  runId: string,
  dataproviderId: number,
): Promise<string | undefined> {
  if (!mayBeDataproviderId(dataproviderId)) return undefined;
  return findText(
    connection,
    "SELECT permutation::text AS text FROM permutations WHERE run = $1 AND dp = $2 ORDER BY id LIMIT 1",
    runId,
    dataproviderId,
  );
}

export function findMask(connection: SqlConnection, runId: string): Promise<string | undefined> {
  return findText(
    connection,
    "SELECT raw::text AS text FROM permutation_masks WHERE run = $1 ORDER BY id LIMIT 1",
    runId,
  );
}

async function findText(
  connection: SqlConnection,
  statement: string,
  runId: string,
  ...others: readonly number[]
): Promise<string | undefined> {
  if (!mayBeId(runId)) return undefined;
  const [row] = await connection.query<{ text: string | null }>(statement, [runId, ...others]);
  return row?.text ?? undefined;
}
