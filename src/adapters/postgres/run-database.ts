import type { RunDatabase } from "../../linkage/database.js";
import type { RunState } from "../../linkage/run.js";
import type { ConnectionPool } from "./connection-pool.js";

/** The table `runs`. */
export class PostgresRunDatabase implements Pick<RunDatabase, "runState" | "failRun"> {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  async runState(projectId: string, runId: string): Promise<RunState | undefined> {
    const [row] = await this.#pool.query<{ state: RunState }>(
      `SELECT runs.state
       FROM runs JOIN projects ON projects.project_id = runs.project
       WHERE runs.run_id = $1 AND runs.project = $2 AND NOT projects.marked_for_deletion`,
      [runId, projectId],
    );
    return row?.state;
  }

  async failRun(runId: string, message: string): Promise<boolean> {
    const rows = await this.#pool.query(
      `UPDATE runs SET state = 'error', time_completed = now(), error_msg = $2
       WHERE run_id = $1 AND state IN ('created', 'queued', 'running')
       RETURNING run_id`,
      [runId, message],
    );
    return rows.length > 0;
  }
}
