import type { Run, RunDescription, RunState } from "../../linkage/run.js";
import { checkStorable } from "../../linkage/storable.js";
import { mayBeId } from "./known-ids.js";
import { NOT_DELETED } from "./project-statements.js";
import type { SqlConnection, SqlValue } from "./sql-connection.js";
import { millisecondsOf, NOW, toDate, toOptionalDate } from "./times.js";

/** The states in which a run may still fail. */
const HAS_NOT_ENDED = "state IN ('created', 'queued', 'running')";

interface RunRow {
  readonly run_id: string;
  readonly project: string;
  readonly threshold: number;
  readonly name: string | null;
  readonly notes: string | null;
  readonly state: RunState;
  readonly stage: number | null;
  readonly time_added: number | null;
  readonly time_started: number | null;
  readonly time_completed: number | null;
  readonly error_msg: string | null;
}

const SELECT_RUNS = `
  SELECT runs.run_id::text AS run_id, runs.project::text AS project, runs.threshold, runs.name, runs.notes,
    runs.state::text AS state, runs.stage, ${millisecondsOf("runs.time_added")} AS time_added,
    ${millisecondsOf("runs.time_started")} AS time_started,
    ${millisecondsOf("runs.time_completed")} AS time_completed, runs.error_msg
  FROM runs JOIN projects ON projects.project_id = runs.project AND ${NOT_DELETED}`;

function toRun(row: RunRow): Run {
  return {
    runId: row.run_id,
    projectId: row.project,
    threshold: row.threshold,
    name: row.name ?? "",
    notes: row.notes ?? "",
    state: row.state,
    stage: row.stage ?? 1,
    timeAdded: toDate(row.time_added),
    timeStarted: toOptionalDate(row.time_started),
    timeCompleted: toOptionalDate(row.time_completed),
    errorMessage: row.error_msg ?? undefined,
  };
}

export async function addRun(connection: SqlConnection, run: RunDescription): Promise<boolean> {
  checkStorable("name", run.name);
  checkStorable("notes", run.notes);
  if (!mayBeId(run.projectId)) return false;
  // The Python service derives the run's number of stages from its type.
  return changesRow(
    connection,
    `INSERT INTO runs (run_id, project, threshold, name, notes, state, type, time_added)
     SELECT $2, project_id, $3, $4, $5, 'created',
       CASE result_type WHEN 'similarity_scores' THEN 'no_mapping' ELSE 'default' END, ${NOW}
     FROM projects WHERE project_id = $1 AND ${NOT_DELETED}
     ON CONFLICT (run_id) DO UPDATE SET name = excluded.name -- by an earlier try of the same call
     RETURNING id`,
    [run.projectId, run.runId, run.threshold, run.name, run.notes],
  );
}

export async function listRuns(connection: SqlConnection, projectId: string): Promise<Run[]> {
  if (!mayBeId(projectId)) return [];
  const rows = await connection.query<RunRow>(`${SELECT_RUNS} WHERE runs.project = $1 ORDER BY runs.id`, [
    projectId,
  ]);
  return rows.map(toRun);
}

export async function findRun(
  connection: SqlConnection,
  projectId: string,
  runId: string,
): Promise<Run | undefined> {
  if (!mayBeId(projectId) || !mayBeId(runId)) return undefined;
  const [row] = await connection.query<RunRow>(
    `${SELECT_RUNS} WHERE runs.project = $1 AND runs.run_id = $2`,
    [projectId, runId],
  );
  return row && toRun(row);
}

export async function runState(
  connection: SqlConnection,
  projectId: string,
  runId: string,
): Promise<RunState | undefined> {
  if (!mayBeId(projectId) || !mayBeId(runId)) return undefined;
  const [row] = await connection.query<{ state: RunState }>(
    `SELECT runs.state::text AS state
     FROM runs JOIN projects ON projects.project_id = runs.project
     WHERE runs.project = $1 AND runs.run_id = $2 AND ${NOT_DELETED}`,
    [projectId, runId],
  );
  return row?.state;
}

export async function countRuns(connection: SqlConnection): Promise<Record<RunState, number>> {
  const rows = await connection.query<{ state: RunState; count: number }>(
    `SELECT runs.state::text AS state, count(*)::integer AS count
     FROM runs JOIN projects ON projects.project_id = runs.project
     WHERE ${NOT_DELETED}
     GROUP BY runs.state`,
  );
  const counts = { created: 0, queued: 0, running: 0, completed: 0, error: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

export async function listUnfinishedRuns(connection: SqlConnection): Promise<Run[]> {
  const rows = await connection.query<RunRow>(
    `${SELECT_RUNS} WHERE runs.state IN ('created', 'queued', 'running') ORDER BY runs.id`,
  );
  return rows.map(toRun);
}

export function queueRuns(connection: SqlConnection, projectId: string): Promise<string[]> {
  return changedRunIds(
    connection,
    `UPDATE runs SET state = 'queued', stage = stage + 1
     WHERE project = $1 AND state = 'created'
       AND EXISTS (SELECT FROM projects WHERE project_id = $1 AND ${NOT_DELETED})
     RETURNING id, run_id`,
    projectId,
    [],
  );
}

export function startRun(connection: SqlConnection, runId: string): Promise<boolean> {
  return changesRun(
    connection,
    `UPDATE runs SET state = 'running', time_started = ${NOW}
     WHERE run_id = $1 AND state IN ('created', 'queued')
     RETURNING id`,
    runId,
    [],
  );
}

export function progressStage(connection: SqlConnection, runId: string, fromStage: number): Promise<boolean> {
  return changesRun(
    connection,
    `UPDATE runs SET stage = stage + 1 WHERE run_id = $1 AND state = 'running' AND stage = $2 RETURNING id`,
    runId,
    [fromStage],
  );
}

export function completeRun(connection: SqlConnection, runId: string): Promise<boolean> {
  return changesRun(
    connection,
    `UPDATE runs SET state = 'completed', time_completed = ${NOW}
     WHERE run_id = $1 AND state = 'running'
     RETURNING id`,
    runId,
    [],
  );
}

export function failRun(connection: SqlConnection, runId: string, message: string): Promise<boolean> {
  return changesRun(
    connection,
    `UPDATE runs SET state = 'error', time_completed = ${NOW}, error_msg = $2
     WHERE run_id = $1 AND ${HAS_NOT_ENDED}
     RETURNING id`,
    runId,
    [storable(message)],
  );
}

export function failRunsOfProject(
  connection: SqlConnection,
  projectId: string,
  message: string,
): Promise<string[]> {
  return changedRunIds(
    connection,
    `UPDATE runs SET state = 'error', time_completed = ${NOW}, error_msg = $2
     WHERE project = $1 AND ${HAS_NOT_ENDED}
     RETURNING id, run_id`,
    projectId,
    [storable(message)],
  );
}

/** Replaces characters that PostgreSQL rejects: they must not keep a run from being marked as failed. */
function storable(message: string): string {
  return message.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
}

export async function removeRun(
  connection: SqlConnection,
  projectId: string,
  runId: string,
): Promise<string[] | undefined> {
  if (!mayBeId(projectId) || !mayBeId(runId)) return undefined;
  return connection.transaction(async (queries) => {
    // Lock first, so that a file that is being added is seen.
    const runs = await queries.query("SELECT 1 FROM runs WHERE project = $1 AND run_id = $2 FOR UPDATE", [
      projectId,
      runId,
    ]);
    if (runs.length === 0) return undefined;
    const files = await queries.query<{ file: string }>(
      "SELECT file::text AS file FROM similarity_scores WHERE run = $1",
      [runId],
    );
    await queries.query("DELETE FROM runs WHERE run_id = $1", [runId]); // cascades to its results
    return files.map(({ file }) => file);
  });
}

async function changesRun(
  connection: SqlConnection,
  statement: string,
  runId: string,
  values: readonly SqlValue[],
): Promise<boolean> {
  return mayBeId(runId) && changesRow(connection, statement, [runId, ...values]);
}

/** Uses a transaction, because a lone statement may run twice and find nothing left to change the second time. */
async function changesRow(
  connection: SqlConnection,
  statement: string,
  values: readonly SqlValue[],
): Promise<boolean> {
  const rows = await connection.transaction((queries) => queries.query(statement, values));
  return rows.length > 0;
}

async function changedRunIds(
  connection: SqlConnection,
  update: string,
  projectId: string,
  values: readonly SqlValue[],
): Promise<string[]> {
  if (!mayBeId(projectId)) return [];
  const rows = await connection.transaction((queries) =>
    queries.query<{ run_id: string }>(
      `WITH changed AS (${update}) SELECT run_id::text AS run_id FROM changed ORDER BY id`,
      [projectId, ...values],
    ),
  );
  return rows.map((row) => row.run_id);
}
