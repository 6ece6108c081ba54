import { candidateFileName, candidateFilePrefix } from "../linkage/candidate-file-names.js";
import type { Database } from "../linkage/database.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { removeWithPrefix } from "../linkage/remove-project.js";
import { comparisonsOf, TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import { type TaskDefinition, TaskPutOff, type TaskQueue } from "../linkage/task-queue.js";
import { comparisonParts, failureOf } from "./comparisons-failed.js";
import { type SendComparisonsStores, sendComparisons } from "./create-comparison-jobs.js";
import { INTERNAL_ERROR } from "./fail-run-at-last.js";
import { type FinishComparingStores, finishComparing } from "./finish-comparing.js";
import { hasEnded } from "./has-ended.js";
import { mergeScoreFiles, type ScoreFile } from "./merge-score-files.js";
import { whileRunIsActive } from "./run-watch.js";
import { readText, wrongArgument } from "./task-parameters.js";

export interface AggregateComparisonsStores extends FinishComparingStores, SendComparisonsStores {
  readonly database: Pick<
    Database,
    "findRun" | "runState" | "findSimilarityScores" | "addSimilarityScores" | "failRun"
  > &
    SendComparisonsStores["database"] &
    FinishComparingStores["database"];
  readonly cache: SendComparisonsStores["cache"] & FinishComparingStores["cache"];
  readonly tasks: Pick<TaskQueue, "chordParts" | "forgetFirstFailures" | "removeChord"> &
    SendComparisonsStores["tasks"] &
    FinishComparingStores["tasks"];
  readonly objects: Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "list" | "remove">;
}

export interface AggregateComparisonsOptions {
  /** Target number of comparisons in a package, whole number ≥ 1. */
  readonly chunkSizeAim: number;
  /** Files merged at the same time, 2 or more; default 64. */
  readonly maxSources?: number;
  /** Milliseconds between checks whether the run has ended; default 1,000. */
  readonly runCheckMs?: number;
}

/** How long the task is postponed while comparisons are missing, in seconds. */
const PUT_OFF_SECONDS = 5;

/**
 * Makes the task that combines the results of a run's comparisons: it merges their files, stores the merged file's
 * name, continues the run and removes the files that were merged. When repeated, it finds the name and continues again.
 * It leaves no file of a run that has failed or was deleted meanwhile.
 *
 * The results passed to the task may be incomplete: a Python worker with Celery before 5.7 that repeats a comparison
 * counts it twice, and so starts this task before the last comparison is done. Therefore what counts is the stored
 * result of each package that was sent, by the package's task id. While one is missing, the task is postponed, and a
 * lost package is sent again.
 */
export function aggregateComparisons(
  stores: AggregateComparisonsStores,
  { chunkSizeAim, maxSources, runCheckMs }: AggregateComparisonsOptions,
): TaskDefinition {
  const { database, objects, tasks } = stores;
  return {
    name: TASK_NAMES.aggregateComparisons,
    parameters: ["similarity_result_files", "project_id", "run_id", "parent_span?"],
    load: "memory",
    async run(parameters, { signal }) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const given = readResults(parameters["similarity_result_files"]);
      const name = candidateFileName(runId, taskIdOf(runId, TASK_NAMES.aggregateComparisons));

      const results = await resultsOfParts(projectId, runId);
      const { files, isComplete } = results === undefined ? given : readResults(results);
      if (!isComplete) {
        // A comparison gave up because the run was no longer active; if the run has no message yet, something was lost.
        await database.failRun(runId, INTERNAL_ERROR);
      } else if (!hasEnded(await database.runState(projectId, runId))) {
        const run = { projectId, runId, signal, checkMs: runCheckMs };
        await whileRunIsActive(database, run, async (untilEnd) => {
          if ((await database.findSimilarityScores(runId)) === undefined) {
            await mergeScoreFiles(objects, runId, files, name, untilEnd, maxSources);
            await database.addSimilarityScores(runId, name);
          }
          const stored = await database.findSimilarityScores(runId);
          if (stored !== undefined) await finishComparing(stores, projectId, runId, stored);
        });
      }
      // Includes the files passed to the task: of a package compared twice, that may be the file that does not count.
      const names = new Set([...files, ...given.files].map((file) => file.name));
      names.delete(name);
      await objects.remove([...names]);
      await tasks.removeChord(comparisonsOf(runId));
      const state = await database.runState(projectId, runId);
      // The removal of the run's files may have missed those being written.
      if (state === undefined || state === "error")
        await removeWithPrefix(objects, candidateFilePrefix(runId));
    },
  };

  /**
   * Returns the stored results of the packages that were sent; `undefined` if the run needs none, or if it is unknown
   * what was sent. Fails the run if a package has failed twice.
   *
   * @throws TaskPutOff while results are missing
   */
  async function resultsOfParts(projectId: string, runId: string): Promise<unknown[] | undefined> {
    const run = await database.findRun(projectId, runId);
    if (run === undefined || hasEnded(run.state)) return undefined;
    if ((await database.findSimilarityScores(runId)) !== undefined) return undefined;
    const parts = await comparisonParts(tasks, runId);
    if (parts === undefined) return undefined;
    const failure = failureOf(parts);
    if (failure !== undefined) {
      await database.failRun(runId, failure);
      return undefined;
    }
    const missing = parts.filter(({ state }) => state === "unfinished").length;
    if (missing > 0) {
      await sendComparisons(stores, run, chunkSizeAim);
      throw new TaskPutOff(`${missing} comparisons are not done yet.`, PUT_OFF_SECONDS);
    }
    return parts.map(({ result }) => result);
  }
}

/** Reads each part's `[count, bytes, name]`: `[0, null, null]` if it found nothing, `null` if it gave up. */
function readResults(value: unknown): { files: ScoreFile[]; isComplete: boolean } {
  const subject = "similarity_result_files";
  if (!Array.isArray(value)) throw wrongArgument(subject, "a list of results", value);
  const files: ScoreFile[] = [];
  let isComplete = true;
  for (const [n, result] of value.entries()) {
    if (result === null) {
      isComplete = false;
      continue;
    }
    const [count, byteLength, name] = Array.isArray(result) ? result : [];
    if (count === 0) continue;
    if (!(count > 0) || typeof byteLength !== "number" || typeof name !== "string") {
      throw wrongArgument(`${subject}[${n}]`, "[count, bytes, file name]", result);
    }
    files.push({ name, byteLength });
  }
  return { files, isComplete };
}
