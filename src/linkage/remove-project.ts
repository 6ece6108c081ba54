import { candidateFilePrefix } from "./candidate-file-names.js";
import type { ProjectDatabase } from "./database.js";
import type { ObjectStore } from "./object-store.js";
import type { RunCache } from "./run-cache.js";

export interface RemoveProjectStores {
  readonly database: Pick<
    ProjectDatabase,
    "findProject" | "listProjectRunIds" | "listProjectFiles" | "removeProject"
  >;
  readonly cache: Pick<RunCache, "setRunState" | "remove" | "removeProject">;
  readonly objects: Pick<ObjectStore, "list" | "remove">;
  /** The bucket to which parties upload files directly, if it is set up. */
  readonly uploadObjects?: Pick<ObjectStore, "list" | "remove">;
}

/** Maximum number of names removed in one request; the limit of S3. */
const BATCH = 1000;

/**
 * Removes all data of a project that is marked for deletion: files first, because the rows have their names, and the
 * rows last. Data that is already gone is not an error, so an interrupted removal can be repeated.
 */
export async function removeProjectData(stores: RemoveProjectStores, projectId: string): Promise<void> {
  const { database, cache, objects, uploadObjects } = stores;
  if ((await database.findProject(projectId)) !== undefined) return; // not marked for deletion: keep everything
  const runIds = await database.listProjectRunIds(projectId);
  for (const runId of runIds) await cache.setRunState(runId, "deleted");
  await removeAll(objects, await database.listProjectFiles(projectId));
  for (const runId of runIds) await removeWithPrefix(objects, candidateFilePrefix(runId));
  if (uploadObjects !== undefined) await removeWithPrefix(uploadObjects, `${projectId}/`);
  // Before the rows, because only they list the runs; and again after them, for what running tasks added meanwhile.
  const forget = async () => {
    for (const runId of runIds) await cache.remove(runId);
    await cache.removeProject(projectId);
  };
  await forget();
  await database.removeProject(projectId);
  await forget();
}

/** Removes all files whose names start with `prefix`. */
export async function removeWithPrefix(
  objects: Pick<ObjectStore, "list" | "remove">,
  prefix: string,
): Promise<void> {
  await removeAll(objects, await listNames(objects, prefix));
}

export async function listNames(objects: Pick<ObjectStore, "list">, prefix: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of objects.list(prefix)) names.push(name);
  return names;
}

async function removeAll(objects: Pick<ObjectStore, "remove">, names: readonly string[]): Promise<void> {
  for (let from = 0; from < names.length; from += BATCH) {
    await objects.remove(names.slice(from, from + BATCH));
  }
}
