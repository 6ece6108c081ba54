import { mayBeId } from "./known-ids.js";
import type { SqlConnection } from "./sql-connection.js";

/** Rows removed per statement: a few seconds of work at most, so that no lock is held for long. */
const BATCH = 20_000;

/**
 * Removes a project and everything that belongs to it. Its encodings and blocks, which may be many millions of rows,
 * are removed first, in batches found by index; the rest is then removed in one transaction.
 */
export async function removeProject(connection: SqlConnection, projectId: string): Promise<void> {
  if (!mayBeId(projectId)) return;
  const parties = await connection.query<{ id: number }>("SELECT id FROM dataproviders WHERE project = $1", [
    projectId,
  ]);
  for (const { id } of parties) {
    await inBatches(connection, REMOVE_ENCODINGS, id); // cascades to the members of blocks
    await inBatches(connection, REMOVE_BLOCKS, id);
  }
  await connection.query("DELETE FROM projects WHERE project_id = $1", [projectId]);
}

const REMOVE_ENCODINGS = `
  DELETE FROM encodings WHERE encoding_id IN (
    SELECT encoding_id FROM encodings
    WHERE encoding_id >= $1::integer::bigint << 32 AND encoding_id < ($1::integer::bigint + 1) << 32
    ORDER BY encoding_id LIMIT ${BATCH}
  )
  RETURNING 1`;

/** All members are gone by now, except any that a late writer adds; those are removed with the project. */
const REMOVE_BLOCKS = `
  DELETE FROM blocks WHERE block_id IN (
    SELECT block_id FROM blocks
    WHERE dp = $1 AND NOT EXISTS (SELECT FROM encodingblocks WHERE encodingblocks.block_id = blocks.block_id)
    LIMIT ${BATCH}
  )
  RETURNING 1`;

async function inBatches(connection: SqlConnection, statement: string, id: number): Promise<void> {
  while ((await connection.query(statement, [id])).length > 0);
}
