// The tasks that the service sends, with the names and arguments that all workers know.
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
  comparisonsFailed: `${PREFIX}comparing.comparisons_failed`,
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

/** The tasks that occur once per run. */
const TASKS_OF_RUN = [
  TASK_NAMES.prerunCheck,
  TASK_NAMES.createComparisonJobs,
  TASK_NAMES.aggregateComparisons,
  TASK_NAMES.solverTask,
  TASK_NAMES.saveAndPermute,
  TASK_NAMES.permuteMappingData,
  TASK_NAMES.markRunComplete,
];

/** Starts the runs of a project if all parties' encodings are stored. */
export function checkForExecutableRuns(projectId: string): TaskCall {
  return { name: TASK_NAMES.checkForExecutableRuns, parameters: { project_id: projectId } };
}

/** Starts a queued run. */
export function prerunCheck(projectId: string, runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.prerunCheck, { project_id: projectId, run_id: runId });
}

/** Sends the comparisons of a running run; if they are done, continues with the next step. */
export function createComparisonJobs(projectId: string, runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.createComparisonJobs, { project_id: projectId, run_id: runId });
}

/** Marks a run as failed; sent if one of its tasks has failed. */
export function runFailedHandler(runId: string): TaskCall {
  return { name: TASK_NAMES.runFailedHandler, parameters: { run_id: runId } };
}

/** Combines the results of a run's comparisons. */
export function aggregateComparisons(projectId: string, runId: string): TaskCall {
  const ids = { project_id: projectId, run_id: runId };
  const onError = { name: TASK_NAMES.comparisonsFailed, parameters: ids };
  return { ...ofRun(runId, TASK_NAMES.aggregateComparisons, ids), onError };
}

/** Removes all data of a project that is marked for deletion. */
export function removeProject(projectId: string): TaskCall {
  const name = TASK_NAMES.removeProject;
  return { name, parameters: { project_id: projectId }, id: taskIdOf(projectId, name) };
}

export function markRunComplete(runId: string): TaskCall {
  return ofRun(runId, TASK_NAMES.markRunComplete, { run_id: runId });
}

/** A task that occurs once per run: its id is derived from the run's id, and its failure fails the run. */
export function ofRun(runId: string, name: string, parameters: TaskCall["parameters"]): TaskCall {
  return { name, parameters, id: taskIdOf(runId, name), onError: runFailedHandler(runId) };
}

/** The id of the chord of a run's comparisons. */
export function comparisonsOf(runId: string): string {
  return taskIdOf(runId, "comparisons");
}

/** The ids of all tasks that occur once per run; comparisons are not among them. */
export function taskIdsOfRun(runId: string): string[] {
  return TASKS_OF_RUN.map((name) => taskIdOf(runId, name));
}
