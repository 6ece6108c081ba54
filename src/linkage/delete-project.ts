import type { ProjectDatabase } from "./database.js";
import type { RunCache } from "./run-cache.js";
import { removeProject } from "./task-calls.js";
import type { TaskQueue } from "./task-queue.js";

export interface DeleteProjectStores {
  readonly database: Pick<ProjectDatabase, "markProjectDeleted" | "listProjectRunIds">;
  readonly cache: Pick<RunCache, "setRunState">;
  readonly tasks: Pick<TaskQueue, "send" | "cancelRun">;
}

/**
 * Deletes a project: it counts as deleted at once, its runs stop, and a task removes its data. Idempotent: safe to
 * repeat after success or after any interruption.
 */
export async function deleteProject(
  { database, cache, tasks }: DeleteProjectStores,
  projectId: string,
): Promise<void> {
  await database.markProjectDeleted(projectId);
  try {
    for (const runId of await database.listProjectRunIds(projectId)) {
      await cache.setRunState(runId, "deleted");
      await tasks.cancelRun(runId);
    }
  } finally {
    // Last, so that nothing is recorded for a run after the task has removed it; always, as the task repeats the above.
    await tasks.send(removeProject(projectId));
  }
}
