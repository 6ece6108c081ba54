import { type BlockPair, type BlockPairChunk, packBlockStream } from "../core/chunks.js";
import type { Database } from "../linkage/database.js";
import { ServiceError } from "../linkage/errors.js";
import type { Dataprovider } from "../linkage/project.js";
import type { RunCache } from "../linkage/run-cache.js";
import { ofRun, TASK_NAMES } from "../linkage/task-calls.js";
import { taskIdOf } from "../linkage/task-id.js";
import type { TaskCall, TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { type FinishComparingStores, finishComparing } from "./finish-comparing.js";
import { hasEnded } from "./has-ended.js";
import { readText } from "./task-parameters.js";

/** From a run's package on; Celery's Redis transport has four steps of priority. */
const PRIORITIES = [
  { from: 0, priority: 0 },
  { from: 16, priority: 3 },
  { from: 128, priority: 6 },
  { from: 1024, priority: 9 },
];

export interface CreateComparisonJobsStores extends FinishComparingStores {
  readonly database: Pick<Database, "findRun" | "findSimilarityScores" | "listCommonBlocks"> &
    FinishComparingStores["database"];
  readonly cache: Pick<RunCache, "runState"> & FinishComparingStores["cache"];
  readonly tasks: Pick<TaskQueue, "sendChord"> & FinishComparingStores["tasks"];
}

/**
 * Makes the task that sends the comparisons of a run, in packages of about `chunkSizeAim` comparisons, and behind them the
 * task that puts their results together; where parties have no block in common, that one alone. Ids of tasks follow from
 * the run and the package, so that sending them again repeats nothing. If the comparisons are done already, it goes on
 * behind them.
 *
 * @param chunkSizeAim comparisons in a package to aim at, whole number ≥ 1
 */
export function createComparisonJobs(
  stores: CreateComparisonJobsStores,
  chunkSizeAim: number,
): TaskDefinition {
  const { database, cache, tasks } = stores;
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

      const project = await database.findProject(projectId);
      const parties = await database.listDataproviders(projectId);
      if (project === undefined || parties.length === 0) return; // deleted just now
      const byteLength = project.encodingSize;
      if (byteLength === undefined) {
        throw new ServiceError("store-failed", "encoding size of a project with a run", "a number", "none");
      }
      const common = { project_id: projectId, run_id: runId, threshold: run.threshold };
      const toCall = (chunks: readonly BlockPairChunk<number>[], position: number): TaskCall => {
        const content = chunks.map((chunk) => chunk.map((side) => sideOf(side, parties)));
        return {
          name: TASK_NAMES.computeFilterSimilarity,
          parameters: { package: content, ...common, encoding_size: byteLength },
          // By what is in it, as a service with another aim makes other packages.
          id: taskIdOf(runId, JSON.stringify(content)),
          priority: priorityAt(position),
        };
      };
      const packages = packBlockStream(listBlockPairs(parties), chunkSizeAim);
      const ids = { project_id: projectId, run_id: runId };
      const aggregate = ofRun(runId, TASK_NAMES.aggregateComparisons, ids);
      const first = await packages.next();
      if (first.done) {
        await tasks.send({ ...aggregate, parameters: { similarity_result_files: [], ...ids } });
      } else {
        const groupId = taskIdOf(runId, `comparisons, ${chunkSizeAim} each`);
        await tasks.sendChord(callsOf(first.value, packages, toCall), aggregate, groupId);
      }
    },
  };

  /** The common blocks of every two parties. */
  async function* listBlockPairs(parties: readonly Dataprovider[]): AsyncGenerator<BlockPair<number>> {
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
}

/** A side of a chunk, as tasks carry it. */
function sideOf(
  { datasetIndex, blockId, range }: BlockPairChunk<number>[0],
  parties: readonly Dataprovider[],
) {
  const dataproviderId = parties.find(({ index }) => index === datasetIndex)!.id;
  return { dataproviderId, datasetIndex, block_id: blockId, range };
}

/**
 * The first packages of each run are as urgent as anyone's, and the further back in its run, the less urgent a package
 * is: so a small run behind a huge one starts at once.
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
