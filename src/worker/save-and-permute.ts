import type { Database, GroupMember } from "../linkage/database.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { hasEnded } from "./has-ended.js";
import { type SaveGroupsStores, saveGroups } from "./save-groups.js";
import { readCounts, readText, wrongArgument } from "./task-parameters.js";

export interface SaveAndPermuteStores extends SaveGroupsStores {
  readonly database: Pick<Database, "runState"> & SaveGroupsStores["database"];
}

/** Makes the task that stores the groups found by `solver_task`. */
export function saveAndPermute(stores: SaveAndPermuteStores): TaskDefinition {
  return {
    name: TASK_NAMES.saveAndPermute,
    parameters: ["similarity_result", "project_id", "run_id", "parent_span?"],
    load: "memory",
    async run(parameters) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const { groups, datasetSizes } = readResult(parameters["similarity_result"]);
      if (hasEnded(await stores.database.runState(projectId, runId))) return;
      await saveGroups(stores, projectId, runId, JSON.stringify(groups), datasetSizes);
    },
  };
}

function readResult(value: unknown): { groups: GroupMember[][]; datasetSizes: readonly number[] } {
  const subject = "similarity_result";
  if (typeof value !== "object" || value === null) throw wrongArgument(subject, "an object", value);
  const { groups, datasetSizes } = value as Record<string, unknown>;
  if (!Array.isArray(groups)) throw wrongArgument(`${subject}.groups`, "a list of groups", groups);
  for (const [n, group] of groups.entries()) {
    if (!Array.isArray(group) || !group.every(isMember)) {
      throw wrongArgument(`${subject}.groups[${n}]`, "a list of [data set, row]", group);
    }
  }
  return { groups, datasetSizes: readCounts(`${subject}.datasetSizes`, datasetSizes) };
}

function isMember(value: unknown): value is GroupMember {
  return Array.isArray(value) && value.length === 2 && value.every((each) => Number.isInteger(each));
}
