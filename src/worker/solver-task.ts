import { readCandidateFile } from "../core/candidate-file.js";
import {
  allocateCandidatePairs,
  type CandidatePairs,
  candidateCount,
  copyCandidates,
} from "../core/candidate-pairs.js";
import { HEADER_LENGTH, pairByteLength, readHeader } from "../core/candidates/candidate-file-layout.js";
import type { Database } from "../linkage/database.js";
import { ServiceError } from "../linkage/errors.js";
import type { ObjectStore } from "../linkage/object-store.js";
import { ofRun, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";
import { hasEnded } from "./has-ended.js";
import { whileRunIsActive } from "./run-watch.js";
import { type SaveGroupsStores, saveGroups } from "./save-groups.js";
import { solveInThread } from "./solve-in-thread.js";
import type { SolvedGroups } from "./solving.js";
import { readCounts, readText } from "./task-parameters.js";

export interface SolverTaskStores extends SaveGroupsStores {
  readonly database: Pick<Database, "runState" | "failRun"> & SaveGroupsStores["database"];
  readonly objects: Pick<ObjectStore, "get" | "byteLengthOf">;
}

export interface SolverTaskOptions {
  /** A run with more candidate pairs fails before they are read. */
  readonly maxCandidatePairs: number;
  /** Maximum length of groups sent in the next task's message, in characters of JSON; default 1,048,576. */
  readonly maxMessageLength?: number;
  /** Pairs up to which no thread is started; default 20,000. */
  readonly maxInline?: number;
  /** Milliseconds between checks whether the run has ended; default 1,000. */
  readonly runCheckMs?: number;
}

const MAX_MESSAGE_LENGTH = 2 ** 20;

/**
 * Makes the task that solves a run's candidate pairs into groups. Memory: 24 bytes per pair, and what `solveGreedy`
 * needs; a file with too many pairs therefore fails the run before any memory is allocated. The pairs are solved in a
 * thread, so that this process continues with its other work.
 *
 * Groups are sent to `save_and_permute` in its message, as by the Python service: about 25 bytes per pair of records,
 * which Redis holds until that task is done, and both workers hold several times over. Larger groups are not sent: they
 * are stored here, and the task that follows `save_and_permute` is sent in its place.
 */
export function solverTask(stores: SolverTaskStores, options: SolverTaskOptions): TaskDefinition {
  const { database, objects, tasks } = stores;
  const { maxCandidatePairs, maxMessageLength = MAX_MESSAGE_LENGTH, maxInline, runCheckMs } = options;
  return {
    name: TASK_NAMES.solverTask,
    parameters: ["similarity_scores_filename", "project_id", "run_id", "dataset_sizes", "parent_span?"],
    load: "memory",
    async run(parameters, { signal }) {
      const file = readText(parameters, "similarity_scores_filename");
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const datasetSizes = readCounts("dataset_sizes", parameters["dataset_sizes"]);
      if (hasEnded(await database.runState(projectId, runId))) return;
      await whileRunIsActive(
        database,
        { projectId, runId, signal, checkMs: runCheckMs },
        async (untilEnd) => {
          const solved = await solve(runId, file, datasetSizes, untilEnd);
          if (solved?.json === undefined) return;
          if (solved.json.length > maxMessageLength) {
            return saveGroups(stores, projectId, runId, solved.json, datasetSizes);
          }
          await tasks.send(
            ofRun(runId, TASK_NAMES.saveAndPermute, {
              similarity_result: { groups: JSON.parse(solved.json), datasetSizes },
              project_id: projectId,
              run_id: runId,
            }),
          );
        },
      );
    },
  };

  /** Fails the run if there are too many pairs, or too many groups. */
  async function solve(
    runId: string,
    file: string,
    datasetSizes: readonly number[],
    signal: AbortSignal,
  ): Promise<SolvedGroups | undefined> {
    const count = await countPairs(objects, file, signal);
    if (count > maxCandidatePairs) {
      const limit = maxCandidatePairs.toLocaleString("en");
      const message = `The run has ${count.toLocaleString("en")} candidate pairs to solve; the limit is ${limit}. A higher threshold gives fewer.`;
      await database.failRun(runId, message);
      return undefined;
    }
    const pairs = await readPairs(objects, file, count, signal);
    const solved = await solveInThread(pairs, datasetSizes, { signal, maxInline });
    if (solved.json === undefined) await database.failRun(runId, tooManyGroups(solved));
    return solved;
  }
}

/** The number of pairs in a file, from its length and its header. */
async function countPairs(
  objects: SolverTaskStores["objects"],
  file: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  const byteLength = await objects.byteLengthOf(file);
  if (byteLength === undefined) {
    throw new ServiceError("missing-object", "The file of similarity scores is missing.");
  }
  const header: Uint8Array[] = [];
  for await (const bytes of objects.get(file, { from: 0, byteLength: HEADER_LENGTH }, signal)) {
    header.push(bytes);
  }
  const bytes = Buffer.concat(header);
  if (bytes.length < HEADER_LENGTH) {
    throw new ServiceError(
      "store-failed",
      `The file of similarity scores has ${bytes.length} bytes; it must have ${HEADER_LENGTH} or more.`,
    );
  }
  const layout = readHeader(bytes, "the file of similarity scores");
  return Math.ceil((byteLength - HEADER_LENGTH) / pairByteLength(layout));
}

async function readPairs(
  objects: SolverTaskStores["objects"],
  file: string,
  count: number,
  signal: AbortSignal | undefined,
): Promise<CandidatePairs> {
  const pairs = allocateCandidatePairs(count);
  let filled = 0;
  for await (const batch of readCandidateFile(objects.get(file, undefined, signal))) {
    copyCandidates(batch, 0, candidateCount(batch), pairs, filled);
    filled += candidateCount(batch);
  }
  return pairs;
}

function tooManyGroups({ groupCount, recordCount }: SolvedGroups): string {
  const [groups, records] = [groupCount, recordCount].map((count) => count.toLocaleString("en"));
  return `The run has ${groups} groups of ${records} records, which is more than the database can hold as one result.`;
}
