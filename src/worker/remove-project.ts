import { type RemoveProjectStores, removeProjectData } from "../linkage/remove-project.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { readText } from "./task-parameters.js";

/** Makes the task that removes the stored data of a deleted project. */
export function removeProject(stores: RemoveProjectStores): TaskDefinition {
  return {
    name: TASK_NAMES.removeProject,
    parameters: ["project_id", "parent_span?"],
    run: (parameters) => removeProjectData(stores, readText(parameters, "project_id")),
  };
}
