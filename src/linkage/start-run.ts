import type { Access } from "./authorize.js";
import { accessDenied } from "./authorize.js";
import type { Database } from "./database.js";
import { ServiceError } from "./errors.js";
import { randomCode } from "./random-code.js";
import type { RunDescription } from "./run.js";
import { checkStorable } from "./storable.js";
import { checkForExecutableRuns } from "./task-calls.js";
import type { TaskQueue } from "./task-queue.js";
import { uploadProgress } from "./upload-progress.js";

/** A client's request for a run. */
export interface NewRun {
  /** Above 0, up to 1. */
  readonly threshold: number;
  /** Default: empty. */
  readonly name?: string;
  readonly notes?: string;
}

export interface RunStores {
  readonly database: Pick<Database, "addRun" | "removeRun" | "listDataproviders">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/**
 * Adds a run. It starts at once if all parties' encodings are stored, otherwise when the last upload is stored.
 *
 * @throws ServiceError `invalid-request`; `project-failed` while an upload of the project is in error; the queue's
 *   error if it is unreachable, and then the run is not added
 */
export async function startRun(
  { database, tasks }: RunStores,
  { project, parties }: Access,
  request: NewRun,
): Promise<RunDescription> {
  const { projectId } = project;
  const { threshold, name = "", notes = "" } = request;
  if (!(threshold > 0 && threshold <= 1)) {
    const message = `threshold must be a number above 0 and up to 1, not ${threshold}.`;
    throw new ServiceError("invalid-request", message, { subject: "threshold" });
  }
  checkStorable("name", name);
  checkStorable("notes", notes);
  if (uploadProgress(parties).hasError) {
    throw new ServiceError("project-failed", "Cannot start a run: an upload of this project failed.");
  }
  const run = { runId: randomCode(), projectId, threshold, name, notes };
  if (!(await database.addRun(run))) throw accessDenied(); // just deleted
  // Checked after the run is added: an upload that finishes in the meantime sends the task itself.
  if (uploadProgress(await database.listDataproviders(projectId)).isComplete) {
    try {
      await tasks.send(checkForExecutableRuns(projectId));
    } catch (error) {
      await database.removeRun(projectId, run.runId).catch(() => {});
      throw error;
    }
  }
  return run;
}
