import type { ProjectDatabase } from "../linkage/database.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { removeWithPrefix } from "../linkage/remove-project.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { readText, readTexts } from "./task-parameters.js";

export interface DeleteMinioObjectsStores {
  readonly database: Pick<ProjectDatabase, "findProject">;
  readonly objects: Pick<ObjectStore, "remove">;
  readonly uploadObjects?: Pick<ObjectStore, "list" | "remove">;
}

/**
 * Makes the task that removes files of a project, as the Python service sends it. If the project is gone, the task also
 * removes whatever its parties have uploaded. While the project exists, that stays: an upload may be waiting to be
 * read.
 */
export function deleteMinioObjects(stores: DeleteMinioObjectsStores): TaskDefinition {
  const { database, objects, uploadObjects } = stores;
  return {
    name: TASK_NAMES.deleteMinioObjects,
    parameters: ["filenames", "project_id", "parent_span?"],
    async run(parameters) {
      const projectId = readText(parameters, "project_id");
      await objects.remove(readTexts(parameters, "filenames"));
      if (uploadObjects === undefined || (await database.findProject(projectId)) !== undefined) return;
      await removeWithPrefix(uploadObjects, `${projectId}/`);
    },
  };
}
