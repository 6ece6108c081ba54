// The tasks that the service sends, by the names and arguments that all workers know them by.
import { taskIdOf } from "./task-id.js";
import type { TaskCall } from "./task-queue.js";

const PREFIX = "entityservice.tasks.";

/** By their short names. */
export const TASK_NAMES = {
  checkForExecutableRuns: `${PREFIX}pre_run_check.check_for_executable_runs`,
  prerunCheck: `${PREFIX}run.prerun_check`,
  createComparisonJobs: `${PREFIX}comparing.create_comparison_jobs`,
  computeFilterSimilarity: `${PREFIX}comparing.compute_filter_similarity`,
  aggregateComparisons: `${PREFIX}comparing.aggregate_comparisons`,
  solverTask: `${PREFIX}solver.solver_task`,
  saveAndPermute: `${PREFIX}permutation.save_and_permute`,
  permuteMappingData: `${PREFIX}permutation.permute_mapping_data`,
  markRunComplete: `${PREFIX}mark_run_complete.mark_run_complete`,
  calculateComparisonRate: `${PREFIX}stats.calculate_comparison_rate`,
  removeProject: `${PREFIX}project_cleanup.remove_project`,
  handleRawUpload: `${PREFIX}encoding_uploading.handle_raw_upload`,
  pullExternalData: `${PREFIX}encoding_uploading.pull_external_data`,
  pullExternalDataEncodingsOnly: `${PREFIX}encoding_uploading.pull_external_data_encodings_only`,
  handleUploadError: `${PREFIX}encoding_uploading.handle_upload_error`,
  deleteMinioObjects: `${PREFIX}project_cleanup.delete_minio_objects`,
  runFailedHandler: `${PREFIX}base_task.run_failed_handler`,
  celeryBugFix: `${PREFIX}base_task.celery_bug_fix`,
} as const;

/** Starts the runs of a project whose parties' encodings are all there. */
export function checkForExecutableRuns(projectId: string): TaskCall {
  return { name: TASK_NAMES.checkForExecutableRuns, parameters: { project_id: projectId } };
}

/** Starts a queued run. */
export function prerunCheck(projectId: string, runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.prerunCheck, { project_id: projectId, run_id: runId });
}

/** Sends the comparisons of a running run, or goes on behind them where they are done. */
export function createComparisonJobs(projectId: string, runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.createComparisonJobs, { project_id: projectId, run_id: runId });
}

/** Marks a run as failed; sent when a task of it has failed. */
export function runFailedHandler(runId: string): TaskCall {
  return { name: TASK_NAMES.runFailedHandler, parameters: { run_id: runId } };
}

/** Removes all that is stored of a project that is marked for deletion. */
export function removeProject(projectId: string): TaskCall {
  const name = TASK_NAMES.removeProject;
  return { name, parameters: { project_id: projectId }, id: taskIdOf(projectId, name) };
}

export function markRunComplete(runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.markRunComplete, { run_id: runId });
}

/** A task that a run has once: its id follows from the run's, and its failure fails the run. */
export function ofRun(runId: string, name: string, parameters: TaskCall["parameters"]): TaskCall {
  return { name, parameters, id: taskIdOf(runId, name), onError: runFailedHandler(runId) };
}
