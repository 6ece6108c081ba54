import type { Database } from "../linkage/database.js";
import { comparisonsOf, TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import type { ChordPart, TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { type SendComparisonsStores, sendComparisons } from "./create-comparison-jobs.js";
import { INTERNAL_ERROR } from "./fail-run-at-last.js";
import { hasEnded } from "./has-ended.js";
import { readText } from "./task-parameters.js";

export interface ComparisonsFailedStores extends SendComparisonsStores {
  readonly database: Pick<Database, "findRun" | "findSimilarityScores" | "failRun"> &
    SendComparisonsStores["database"];
  readonly tasks: Pick<TaskQueue, "chordParts" | "forgetFirstFailures" | "hasChordFailed"> &
    SendComparisonsStores["tasks"];
}

/**
 * Makes the task that is sent when a run's comparisons, or the task that combines their results, have failed. What
 * counts is the stored result of each package. A package that failed once is compared again: a Python worker that loses
 * Redis while it stores or counts a comparison stores or counts it as failed. The run fails if a package fails twice.
 *
 * Python workers do not know a task of this name, so they send it as a message; a known task they would call directly.
 *
 * @param chunkSizeAim target number of comparisons in a package, whole number ≥ 1
 */
export function comparisonsFailed(stores: ComparisonsFailedStores, chunkSizeAim: number): TaskDefinition {
  const { database, tasks } = stores;
  return {
    name: TASK_NAMES.comparisonsFailed,
    parameters: ["project_id", "run_id", "parent_span?"],
    takesPositionals: true,
    maxRetries: 1,
    async run(parameters, { isLastTry }) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const run = await database.findRun(projectId, runId);
      if (run === undefined || hasEnded(run.state)) return;
      if ((await database.findSimilarityScores(runId)) !== undefined) return; // combined since
      const parts = await comparisonParts(tasks, runId);
      const failure = parts && failureOf(parts);
      if (parts === undefined || failure !== undefined) {
        await database.failRun(runId, failure ?? INTERNAL_ERROR);
      } else if (isUnfinished(parts) || (await tasks.hasChordFailed(aggregateIdOf(runId)))) {
        await sendComparisons(stores, run, chunkSizeAim);
      } else if (isLastTry) {
        await database.failRun(runId, INTERNAL_ERROR); // the task that combines the results failed
      } else {
        throw new Error("Celery stores a chord's failure after it has sent this task; look again later.");
      }
    },
  };
}

/**
 * Returns the packages of a run that were sent; `undefined` if they are unknown. One that failed for the first time is
 * `unfinished`: its failure is forgotten, so that {@link sendComparisons} sends it again.
 */
export async function comparisonParts(
  tasks: Pick<TaskQueue, "chordParts" | "forgetFirstFailures">,
  runId: string,
): Promise<readonly ChordPart[] | undefined> {
  const id = comparisonsOf(runId);
  const parts = await tasks.chordParts(id);
  if (parts === undefined || failureOf(parts) === undefined) return parts;
  await tasks.forgetFirstFailures(id);
  return tasks.chordParts(id);
}

const isUnfinished = (parts: readonly ChordPart[]) => parts.some(({ state }) => state === "unfinished");
const aggregateIdOf = (runId: string) => taskIdOf(runId, TASK_NAMES.aggregateComparisons);

/** Describes how many comparisons of a run have failed for good; `undefined` if none has. */
export function failureOf(parts: readonly ChordPart[]): string | undefined {
  const failed = parts.filter(({ state }) => state === "failed").length;
  if (failed === 0) return undefined;
  const [count, total] = [failed, parts.length].map((each) => each.toLocaleString("en"));
  return `${count} of the ${total} tasks that compare encodings have failed.`;
}
