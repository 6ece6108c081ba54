import type { Database } from "../linkage/database.js";
import { markRunComplete, ofRun, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskQueue } from "../linkage/task-queue.js";

export interface SaveGroupsStores {
  readonly database: Pick<Database, "findProject" | "addGroups">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/**
 * Stores the groups of a run, and continues with the permutations or completes the run. Idempotent.
 *
 * @param groups JSON, in the database's format
 */
export async function saveGroups(
  { database, tasks }: SaveGroupsStores,
  projectId: string,
  runId: string,
  groups: string,
  datasetSizes: readonly number[],
): Promise<void> {
  const project = await database.findProject(projectId);
  if (project === undefined) return; // deleted just now
  await database.addGroups(runId, groups);
  if (project.resultType !== "permutations") return tasks.send(markRunComplete(runId));
  const [left, right] = datasetSizes;
  await tasks.send(
    ofRun(runId, TASK_NAMES.permuteMappingData, {
      project_id: projectId,
      run_id: runId,
      len_filters1: left,
      len_filters2: right,
    }),
  );
}
