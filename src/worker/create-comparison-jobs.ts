import { type BlockPair, type BlockPairChunk, packBlockStream } from "../core/chunks.js";
import type { Database } from "../linkage/database.js";
import { ServiceError } from "../linkage/errors.js";
import type { Dataprovider } from "../linkage/project.js";
import type { Run } from "../linkage/run.js";
import type { RunCache } from "../linkage/run-cache.js";
import { aggregateComparisons, comparisonsOf, TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import type { TaskCall, TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { type FinishComparingStores, finishComparing } from "./finish-comparing.js";
import { hasEnded } from "./has-ended.js";
import { readText } from "./task-parameters.js";

/** Priorities by a package's position in its run; Celery's Redis transport has four levels. */
const PRIORITIES = [
  { from: 0, priority: 0 },
  { from: 16, priority: 3 },
  { from: 128, priority: 6 },
  { from: 1024, priority: 9 },
];

export interface SendComparisonsStores {
  readonly database: Pick<Database, "findProject" | "listDataproviders" | "listCommonBlocks">;
  readonly cache: Pick<RunCache, "settlePackageSize">;
  readonly tasks: Pick<TaskQueue, "send" | "sendChord">;
}

export interface CreateComparisonJobsStores extends FinishComparingStores, SendComparisonsStores {
  readonly database: Pick<Database, "findRun" | "findSimilarityScores"> &
    SendComparisonsStores["database"] &
    FinishComparingStores["database"];
  readonly cache: Pick<RunCache, "runState"> &
    SendComparisonsStores["cache"] &
    FinishComparingStores["cache"];
  readonly tasks: SendComparisonsStores["tasks"] & FinishComparingStores["tasks"];
}

/**
 * Makes the task that sends the comparisons of a run; see {@link sendComparisons}. If the comparisons are already done,
 * it continues the run.
 *
 * @param chunkSizeAim target number of comparisons in a package, whole number ≥ 1
 */
export function createComparisonJobs(
  stores: CreateComparisonJobsStores,
  chunkSizeAim: number,
): TaskDefinition {
  const { database, cache } = stores;
  return {
    name: TASK_NAMES.createComparisonJobs,
    parameters: ["project_id", "run_id", "parent_span?"],
    async run(parameters) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const run = await database.findRun(projectId, runId);
      if (run === undefined || hasEnded(run.state)) return;
      if ((await cache.runState(runId)) === "deleted") return;
      const stored = await database.findSimilarityScores(runId);
      if (stored !== undefined) return finishComparing(stores, projectId, runId, stored);
      await sendComparisons(stores, run, chunkSizeAim);
    },
  };
}

/**
 * Sends the comparisons of a run, in packages of about `chunkSizeAim` comparisons, followed by the task that combines
 * their results; if the parties have no block in common, only that task. Each package is sent once, however many
 * callers call this, and however often: the first one settles the size of the packages, and the queue knows which
 * packages were sent. Packages that were lost since are sent again.
 */
export async function sendComparisons(
  { database, cache, tasks }: SendComparisonsStores,
  { projectId, runId, threshold }: Pick<Run, "projectId" | "runId" | "threshold">,
  chunkSizeAim: number,
): Promise<void> {
  const project = await database.findProject(projectId);
  const parties = await database.listDataproviders(projectId);
  if (project === undefined || parties.length === 0) return; // deleted just now
  const byteLength = project.encodingSize;
  if (byteLength === undefined) {
    throw new ServiceError("store-failed", "The project has a run, but no encoding size.");
  }
  const common = { project_id: projectId, run_id: runId, threshold };
  const toCall = (chunks: readonly BlockPairChunk<number>[], position: number): TaskCall => {
    const content = chunks.map((chunk) => chunk.map((side) => sideOf(side, parties)));
    return {
      name: TASK_NAMES.computeFilterSimilarity,
      parameters: { package: content, ...common, encoding_size: byteLength },
      id: taskIdOf(runId, JSON.stringify(content)),
      priority: priorityAt(position),
    };
  };
  const packageSize = await cache.settlePackageSize(runId, chunkSizeAim);
  const packages = packBlockStream(listBlockPairs(database, parties), packageSize);
  const aggregate = aggregateComparisons(projectId, runId);
  const first = await packages.next();
  if (first.done) {
    await tasks.send({ ...aggregate, parameters: { similarity_result_files: [], ...aggregate.parameters } });
  } else {
    await tasks.sendChord(callsOf(first.value, packages, toCall), aggregate, comparisonsOf(runId));
  }
}

/** The common blocks of every two parties. */
async function* listBlockPairs(
  database: Pick<Database, "listCommonBlocks">,
  parties: readonly Dataprovider[],
): AsyncGenerator<BlockPair<number>> {
  for (const [n, left] of parties.entries()) {
    for (const right of parties.slice(n + 1)) {
      for await (const block of database.listCommonBlocks(left.id, right.id)) {
        const { leftBlockId, leftCount, rightBlockId, rightCount } = block;
        yield {
          left: { datasetIndex: left.index, blockId: leftBlockId, recordCount: leftCount },
          right: { datasetIndex: right.index, blockId: rightBlockId, recordCount: rightCount },
        };
      }
    }
  }
}

/** A side of a chunk, in the format of a task's arguments. */
function sideOf(
  { datasetIndex, blockId, range }: BlockPairChunk<number>[0],
  parties: readonly Dataprovider[],
) {
  const dataproviderId = parties.find(({ index }) => index === datasetIndex)!.id;
  return { dataproviderId, datasetIndex, block_id: blockId, range };
}

/**
 * The first packages of all runs are equally urgent; the further back in its run a package is, the less urgent it is.
 * So a small run behind a huge one starts at once.
 */
function priorityAt(position: number): number {
  return PRIORITIES.findLast(({ from }) => from <= position)!.priority;
}

async function* callsOf<Package>(
  first: Package,
  others: AsyncGenerator<Package>,
  toCall: (content: Package, position: number) => TaskCall,
): AsyncGenerator<TaskCall> {
  let position = 0;
  try {
    yield toCall(first, position++);
    for await (const content of others) yield toCall(content, position++);
  } finally {
    await others.return(undefined);
  }
}
