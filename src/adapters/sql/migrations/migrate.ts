import { Umzug, type UmzugStorage } from "umzug";
import { ServiceError } from "../../../linkage/errors.js";
import type { SqlConnection, SqlQueries } from "../sql-connection.js";
import { readRevision, writeRevision } from "./revision.js";
import { NEWEST_REVISION, REVISIONS } from "./revisions.js";

/** Advisory lock held while the tables change; any number works that all our processes share. */
const LOCK = 4_871_203_665;

export interface Migrated {
  /** The revision found; `undefined` if there were no tables. */
  readonly from: string | undefined;
  readonly to: string;
  /** The revisions applied, oldest first; empty if the tables were up to date. */
  readonly applied: readonly string[];
}

/**
 * Migrates a database, empty or created by the Python service, to the newest revision of the tables, in one
 * transaction. If several processes call this, one migrates and the others wait.
 *
 * @throws ServiceError `store-failed` for tables that are neither ours nor the Python service's, or newer than these
 */
export function migrate(connection: SqlConnection): Promise<Migrated> {
  return connection.transaction(async (queries) => {
    await queries.query(`SELECT 1 FROM pg_advisory_xact_lock(${LOCK})`);
    const from = await readRevision(queries);
    await checkRevision(queries, from);
    const umzug = new Umzug({
      context: queries,
      storage: revisionStorage,
      migrations: REVISIONS.map(({ name, statements }) => ({
        name,
        up: async () => {
          for (const statement of statements) await queries.query(statement);
        },
      })),
      logger: undefined,
    });
    const applied = await umzug.up();
    return { from, to: NEWEST_REVISION, applied: applied.map(({ name }) => name) };
  });
}

/** A revision implies that all earlier ones were applied. */
const revisionStorage: UmzugStorage<SqlQueries> = {
  async executed({ context }) {
    const revision = await readRevision(context);
    return REVISIONS.slice(0, 1 + indexOf(revision)).map(({ name }) => name);
  },
  async logMigration({ name, context }) {
    await writeRevision(context, name);
  },
  async unlogMigration({ name, context }) {
    const before = REVISIONS[indexOf(name) - 1];
    if (before !== undefined) await writeRevision(context, before.name);
  },
};

function indexOf(revision: string | undefined): number {
  return REVISIONS.findIndex(({ name }) => name === revision);
}

async function checkRevision(queries: SqlQueries, revision: string | undefined): Promise<void> {
  if (revision === undefined) {
    const [tables] = await queries.query<{ exist: boolean }>(
      "SELECT to_regclass('projects') IS NOT NULL AS exist",
    );
    if (!tables!.exist) return;
    throw new ServiceError(
      "store-failed",
      "The database has tables without a revision; it must be empty or from the entity service.",
    );
  }
  if (indexOf(revision) >= 0) return;
  const known = REVISIONS.map(({ name }) => name).join(", ");
  throw new ServiceError(
    "store-failed",
    `The database has the unknown revision ${revision}; this version knows ${known}.`,
  );
}
