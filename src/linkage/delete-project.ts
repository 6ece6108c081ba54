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
 * Deletes a project: it is as good as gone at once, its runs stop, and a task removes what is stored of it. To be done
 * again after it was done, or broken off at any point.
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
    // Last, so that nothing is noted of a run that the task has forgotten; and in any case, as it does all of the above.
    await tasks.send(removeProject(projectId));
  }
}
