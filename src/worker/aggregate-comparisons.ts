import { candidateFileName, candidateFilePrefix } from "../linkage/candidate-file-names.js";
import type { Database } from "../linkage/database.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { removeWithPrefix } from "../linkage/remove-project.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { INTERNAL_ERROR } from "./fail-run-at-last.js";
import { type FinishComparingStores, finishComparing } from "./finish-comparing.js";
import { hasEnded } from "./has-ended.js";
import { mergeScoreFiles, type ScoreFile } from "./merge-score-files.js";
import { whileRunGoesOn } from "./run-watch.js";
import { readText, wrongArgument } from "./task-parameters.js";

export interface AggregateComparisonsStores extends FinishComparingStores {
  readonly database: Pick<Database, "runState" | "findSimilarityScores" | "addSimilarityScores" | "failRun"> &
    FinishComparingStores["database"];
  readonly objects: Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "list" | "remove">;
}

export interface AggregateComparisonsOptions {
  /** Files that are merged at the same time, 2 or more; default 64. */
  readonly mostSources?: number | undefined;
  /** Milliseconds between two looks whether the run still goes on; default 1,000. */
  readonly runCheckMs?: number | undefined;
}

/**
 * Makes the task that puts the results of a run's comparisons together: merges their files, which it removes then, stores
 * the merged file's name, and goes on with the run. Done again it finds the name, and goes on again. Of a run that has
 * failed or was deleted meanwhile it leaves no file.
 */
export function aggregateComparisons(
  stores: AggregateComparisonsStores,
  { mostSources, runCheckMs }: AggregateComparisonsOptions = {},
): TaskDefinition {
  const { database, objects } = stores;
  return {
    name: TASK_NAMES.aggregateComparisons,
    parameters: ["similarity_result_files", "project_id", "run_id", "parent_span?"],
    load: "memory",
    async run(parameters, { signal }) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const { files, isComplete } = readResults(parameters["similarity_result_files"]);
      const name = candidateFileName(runId, taskIdOf(runId, TASK_NAMES.aggregateComparisons));

      if (!isComplete) {
        // A task gave its part up because the run was no longer active; where that has no message yet, something is lost.
        await database.failRun(runId, INTERNAL_ERROR);
      } else if (!hasEnded(await database.runState(projectId, runId))) {
        const run = { projectId, runId, signal, checkMs: runCheckMs };
        await whileRunGoesOn(database, run, async (untilEnd) => {
          if ((await database.findSimilarityScores(runId)) === undefined) {
            await mergeScoreFiles(objects, runId, files, name, untilEnd, mostSources);
            await database.addSimilarityScores(runId, name);
          }
          const stored = await database.findSimilarityScores(runId);
          if (stored !== undefined) await finishComparing(stores, projectId, runId, stored);
        });
      }
      await objects.remove(files.map((file) => file.name).filter((each) => each !== name));
      const state = await database.runState(projectId, runId);
      // Who removed the run's files may not have seen those that were being written.
      if (state === undefined || state === "error")
        await removeWithPrefix(objects, candidateFilePrefix(runId));
    },
  };
}

/** Reads `[count, bytes, name]` of each part, `[0, null, null]` where it found nothing, `null` where it gave up. */
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
