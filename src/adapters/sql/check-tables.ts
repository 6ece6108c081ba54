import { ServiceError } from "../../linkage/errors.js";
import { readRevision } from "./migrations/revision.js";
import { NEWEST_REVISION } from "./migrations/revisions.js";
import type { SqlConnection } from "./sql-connection.js";

/**
 * Checks that the database answers and has its tables.
 *
 * @throws ServiceError `store-failed` if the tables are missing or of another revision
 */
export async function checkTables(connection: SqlConnection, signal?: AbortSignal): Promise<void> {
  const revision = await readRevision(connection, signal);
  if (revision === NEWEST_REVISION) return;
  const found = revision === undefined ? "no tables" : `tables of revision ${revision}`;
  throw new ServiceError(
    "store-failed",
    `The database has ${found}, but needs revision ${NEWEST_REVISION}; run "anonlink-wasm migrate" first.`,
  );
}
