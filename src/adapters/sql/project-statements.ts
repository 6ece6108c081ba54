import type { Project, ProjectDescription, ResultType } from "../../linkage/project.js";
import { checkStorable } from "../../linkage/storable.js";
import { mayBeId } from "./known-ids.js";
import type { SqlConnection } from "./sql-connection.js";
import { millisecondsOf, NOW, toDate } from "./times.js";

/** `marked_for_deletion` may be null. */
export const NOT_DELETED = "projects.marked_for_deletion IS NOT TRUE";

export async function addProject(
  connection: SqlConnection,
  project: ProjectDescription,
  updateTokens: readonly string[],
): Promise<void> {
  const { projectId, resultToken, resultType, schema, name, notes, partyCount, usesBlocking } = project;
  checkStorable("name", name);
  checkStorable("notes", notes);
  checkStorable("schema", schema);
  await connection.transaction(async (queries) => {
    const added = await queries.query(
      `INSERT INTO projects
         (project_id, access_token, result_type, schema, name, notes, parties, uses_blocking, time_added)
       VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, ${NOW})
       ON CONFLICT (project_id) DO NOTHING
       RETURNING id`,
      [projectId, resultToken, resultType, JSON.stringify(schema), name, notes, partyCount, usesBlocking],
    );
    if (added.length === 0) return; // added by an earlier attempt of the same call
    // Ids are assigned in this order, and a party's index is the rank of its id.
    await queries.query(
      `INSERT INTO dataproviders (project, token, uploaded)
       SELECT $1, party.token, 'not_started'
       FROM json_array_elements_text($2::text::json) WITH ORDINALITY AS party (token, n)
       ORDER BY party.n`,
      [projectId, JSON.stringify(updateTokens)],
    );
  });
}

export async function listProjects(
  connection: SqlConnection,
): Promise<Pick<Project, "projectId" | "timeAdded">[]> {
  const rows = await connection.query<{ project_id: string; time_added: number | null }>(
    `SELECT project_id::text, ${millisecondsOf("time_added")} AS time_added
     FROM projects WHERE ${NOT_DELETED} ORDER BY id`,
  );
  return rows.map((row) => ({ projectId: row.project_id, timeAdded: toDate(row.time_added) }));
}

export async function countProjects(connection: SqlConnection): Promise<number> {
  const [row] = await connection.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM projects WHERE ${NOT_DELETED}`,
  );
  return row!.count;
}

interface ProjectRow {
  readonly project_id: string;
  readonly access_token: string;
  readonly result_type: ResultType;
  readonly schema: string;
  readonly name: string | null;
  readonly notes: string | null;
  readonly parties: number | null;
  readonly uses_blocking: boolean | null;
  readonly encoding_size: number | null;
  readonly time_added: number | null;
}

export async function findProject(
  connection: SqlConnection,
  projectId: string,
): Promise<Project | undefined> {
  if (!mayBeId(projectId)) return undefined;
  const [row] = await connection.query<ProjectRow>(
    `SELECT project_id::text, access_token, result_type::text, schema::text, name, notes, parties, uses_blocking,
       encoding_size, ${millisecondsOf("time_added")} AS time_added
     FROM projects WHERE project_id = $1 AND ${NOT_DELETED}`,
    [projectId],
  );
  return row && toProject(row);
}

/** Null columns get the values that the Python service assumes for them. */
function toProject(row: ProjectRow): Project {
  return {
    projectId: row.project_id,
    resultToken: row.access_token,
    resultType: row.result_type,
    schema: JSON.parse(row.schema) as Record<string, unknown>,
    name: row.name ?? "",
    notes: row.notes ?? "",
    partyCount: row.parties ?? 2,
    usesBlocking: row.uses_blocking ?? false,
    encodingSize: row.encoding_size ?? undefined,
    timeAdded: toDate(row.time_added),
  };
}

export async function settleEncodingSize(
  connection: SqlConnection,
  projectId: string,
  encodingSize: number,
): Promise<number | undefined> {
  if (!mayBeId(projectId)) return undefined;
  const [row] = await connection.query<{ encoding_size: number }>(
    `UPDATE projects SET encoding_size = coalesce(encoding_size, $2)
     WHERE project_id = $1 AND ${NOT_DELETED}
     RETURNING encoding_size`,
    [projectId, encodingSize],
  );
  return row?.encoding_size;
}

export async function markProjectDeleted(connection: SqlConnection, projectId: string): Promise<boolean> {
  if (!mayBeId(projectId)) return false;
  return connection.transaction(async (queries) => {
    const rows = await queries.query(
      `UPDATE projects SET marked_for_deletion = true WHERE project_id = $1 AND ${NOT_DELETED} RETURNING id`,
      [projectId],
    );
    return rows.length > 0;
  });
}

export async function listDeletedProjects(connection: SqlConnection): Promise<string[]> {
  const rows = await connection.query<{ project_id: string }>(
    "SELECT project_id::text FROM projects WHERE marked_for_deletion ORDER BY id",
  );
  return rows.map((row) => row.project_id);
}

export async function listProjectFiles(connection: SqlConnection, projectId: string): Promise<string[]> {
  if (!mayBeId(projectId)) return [];
  const rows = await connection.query<{ file: string }>(
    `SELECT uploads.file::text AS file
     FROM uploads JOIN dataproviders ON dataproviders.id = uploads.dp
     WHERE dataproviders.project = $1
       AND uploads.file <> 'DELETED' -- no name: so the Python service marks what it has refused
     UNION
     SELECT similarity_scores.file::text
     FROM similarity_scores JOIN runs ON runs.run_id = similarity_scores.run
     WHERE runs.project = $1`,
    [projectId],
  );
  return rows.map((row) => row.file);
}

export async function listProjectRunIds(connection: SqlConnection, projectId: string): Promise<string[]> {
  if (!mayBeId(projectId)) return [];
  const rows = await connection.query<{ run_id: string }>(
    "SELECT run_id::text FROM runs WHERE project = $1 ORDER BY id",
    [projectId],
  );
  return rows.map((row) => row.run_id);
}
