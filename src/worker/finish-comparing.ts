import type { Database } from "../linkage/database.js";
import type { RunCache } from "../linkage/run-cache.js";
import { markRunComplete, ofRun, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskQueue } from "../linkage/task-queue.js";

export interface FinishComparingStores {
  readonly database: Pick<Database, "findProject" | "listDataproviders" | "progressStage">;
  readonly cache: Pick<RunCache, "clearProgress">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** The stage in which a run compares. */
const COMPARING = 2;

/**
 * Continues a run whose similarity scores are stored: if they are its result, the run is completed; otherwise they are
 * solved. Idempotent.
 */
export async function finishComparing(
  { database, cache, tasks }: FinishComparingStores,
  projectId: string,
  runId: string,
  file: string,
): Promise<void> {
  const project = await database.findProject(projectId);
  if (project === undefined) return; // deleted just now
  if (project.resultType === "similarity_scores") return tasks.send(markRunComplete(runId));
  await database.progressStage(runId, COMPARING);
  await cache.clearProgress(runId);
  const parties = await database.listDataproviders(projectId);
  await tasks.send(
    ofRun(runId, TASK_NAMES.solverTask, {
      similarity_scores_filename: file,
      project_id: projectId,
      run_id: runId,
      dataset_sizes: parties.map(({ upload }) => upload?.recordCount ?? 0),
    }),
  );
}
