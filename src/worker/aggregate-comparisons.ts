import { candidateFileName } from "../linkage/candidate-file-names.js";
import type { Database } from "../linkage/database.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { INTERNAL_ERROR } from "./fail-run-at-last.js";
import { type FinishComparingStores, finishComparing } from "./finish-comparing.js";
import { hasEnded } from "./has-ended.js";
import { mergeScoreFiles, type ScoreFile } from "./merge-score-files.js";
import { readText, wrongArgument } from "./task-parameters.js";

export interface AggregateComparisonsStores extends FinishComparingStores {
  readonly database: Pick<Database, "runState" | "findSimilarityScores" | "addSimilarityScores" | "failRun"> &
    FinishComparingStores["database"];
  readonly objects: Pick<ObjectStore, "get" | "putStream" | "byteLengthOf" | "remove">;
}

/**
 * Makes the task that puts the results of a run's comparisons together: merges their files, which it removes then, stores
 * the merged file's name, and goes on with the run. Done again it finds the name, and goes on again.
 *
 * @param mostSources files that are merged at the same time, 2 or more; default 64
 */
export function aggregateComparisons(
  stores: AggregateComparisonsStores,
  mostSources?: number,
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
      const removeParts = () =>
        objects.remove(files.map((file) => file.name).filter((each) => each !== name));

      if (hasEnded(await database.runState(projectId, runId))) return removeParts();
      if (!isComplete) {
        // A task gave its part up because the run was no longer active; where that has no message yet, something is lost.
        await database.failRun(runId, INTERNAL_ERROR);
        return removeParts();
      }
      let stored = await database.findSimilarityScores(runId);
      if (stored === undefined) {
        await mergeScoreFiles(objects, runId, files, name, signal, mostSources);
        await database.addSimilarityScores(runId, name);
        stored = await database.findSimilarityScores(runId);
        if (stored === undefined) await objects.remove([name]); // the run was deleted meanwhile
      }
      if (stored !== undefined) await finishComparing(stores, projectId, runId, stored);
      await removeParts();
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
