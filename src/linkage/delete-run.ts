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
 * Deletes a run, in any state, and its results; comparisons that are under way stop within a second. Candidate files that
 * come into being meanwhile are removed by who stored them. Files go first, so that a call that was broken off can be
 * made again.
 *
 * @returns `false` if there was no such run
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
  const result = await database.findSimilarityScores(runId); // whose name another's worker may have chosen
  const files = (await database.removeRun(projectId, runId)) ?? []; // none where another call was first
  // Who stored a file since still found the run; from now on nobody does.
  const late = await listNames(objects, candidateFilePrefix(runId));
  await objects.remove([...new Set([...files, ...late, ...(result === undefined ? [] : [result])])]);
  await cache.remove(runId); // who still works for it finds no run
  return true;
}
