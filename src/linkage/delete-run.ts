import { candidateFilePrefix } from "./candidate-file-names.js";
import type { Database } from "./database.js";
import type { ObjectStore } from "./object-store.js";
import { listNames } from "./remove-project.js";
import type { RunCache } from "./run-cache.js";
import type { TaskQueue } from "./task-queue.js";

export interface DeleteRunStores {
  readonly database: Pick<Database, "removeRun" | "findRun" | "findSimilarityScores">;
  readonly cache: Pick<RunCache, "setRunState" | "remove">;
  readonly objects: Pick<ObjectStore, "list" | "remove">;
  readonly tasks: Pick<TaskQueue, "cancelRun">;
}

/**
 * Deletes a run in any state, and its results. Comparisons in progress stop within a second; a task that stores a
 * candidate file in the meantime removes it itself. Files are removed first, so that an interrupted call can be
 * repeated.
 *
 * @returns `false` if the run did not exist
 */
export async function deleteRun(
  { database, cache, objects, tasks }: DeleteRunStores,
  projectId: string,
  runId: string,
): Promise<boolean> {
  if ((await database.findRun(projectId, runId)) === undefined) return false;
  await cache.setRunState(runId, "deleted");
  await tasks.cancelRun(runId);
  await objects.remove(await listNames(objects, candidateFilePrefix(runId)));
  const result = await database.findSimilarityScores(runId); // its name may be a Python worker's choice
  const files = (await database.removeRun(projectId, runId)) ?? []; // none if another call was first
  // A task that has stored a file since the first listing still found the run; from now on, none will.
  const late = await listNames(objects, candidateFilePrefix(runId));
  await objects.remove([...new Set([...files, ...late, ...(result === undefined ? [] : [result])])]);
  await cache.remove(runId); // tasks still working on it find no run
  return true;
}
