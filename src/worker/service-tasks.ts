import type { Database } from "../linkage/database.js";
import type { EncodingStore, WritableEncodingStore } from "../linkage/encoding-store.js";
import type { ObjectStore } from "../linkage/object-store.js";
import type { RunCache } from "../linkage/run-cache.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { aggregateComparisons } from "./aggregate-comparisons.js";
import { calculateComparisonRate } from "./calculate-comparison-rate.js";
import { celeryBugFix } from "./celery-bug-fix.js";
import { checkForExecutableRuns } from "./check-for-executable-runs.js";
import { comparisonsFailed } from "./comparisons-failed.js";
import { computeFilterSimilarity } from "./compute-filter-similarity.js";
import { createComparisonJobs } from "./create-comparison-jobs.js";
import { deleteMinioObjects } from "./delete-minio-objects.js";
import { failRunAtLast } from "./fail-run-at-last.js";
import { markRunComplete } from "./mark-run-complete.js";
import { permuteMappingData } from "./permute-mapping-data.js";
import { prerunCheck } from "./prerun-check.js";
import { removeProject } from "./remove-project.js";
import { runFailedHandler } from "./run-failed-handler.js";
import { saveAndPermute } from "./save-and-permute.js";
import { solverTask } from "./solver-task.js";

/** The stores that the tasks use. */
export interface ServiceTaskStores {
  readonly database: Database;
  /** Reads and removes the encodings of any upload, in tables or packed. */
  readonly encodings: EncodingStore & Pick<WritableEncodingStore, "remove">;
  readonly cache: RunCache;
  readonly objects: ObjectStore;
  /** The bucket to which parties upload files themselves, if configured. */
  readonly uploadObjects?: ObjectStore;
  readonly tasks: TaskQueue;
}

export interface ServiceTaskOptions {
  /** Target number of comparisons in a package, whole number ≥ 1. */
  readonly chunkSizeAim: number;
  /** A run with more candidate pairs fails. */
  readonly similarityScoresMaxCandidatePairs: number;
  /** A run with more candidate pairs to solve fails. */
  readonly solverMaxCandidatePairs: number;
  /** Minimum and maximum bytes in an encoding. */
  readonly minEncodingSize: number;
  readonly maxEncodingSize: number;
  /** Encodings to keep in memory between comparisons, in bytes. */
  readonly encodingCacheByteLength: number;
  /** Threads of one comparison; default: all of the machine's for large chunks. */
  readonly threads?: number;
  /** Candidate files merged at the same time, 2 or more; default 64. */
  readonly maxSources?: number;
  /** Milliseconds between checks whether a run has ended; default 1,000. */
  readonly runCheckMs?: number;
}

/** All tasks of the entity service but those that store uploads, for a Celery worker or an in-process queue. */
export function serviceTasks(stores: ServiceTaskStores, options: ServiceTaskOptions): TaskDefinition[] {
  const { database, encodings, cache, objects } = stores;
  const ofRun = [
    prerunCheck(stores),
    createComparisonJobs(stores, options.chunkSizeAim),
    computeFilterSimilarity(
      { encodings, runs: database, cache, objects },
      {
        maxCandidatePairs: options.similarityScoresMaxCandidatePairs,
        encodingCacheByteLength: options.encodingCacheByteLength,
        threads: options.threads,
        runCheckMs: options.runCheckMs,
      },
    ),
    aggregateComparisons(stores, options),
    solverTask(stores, {
      maxCandidatePairs: options.solverMaxCandidatePairs,
      runCheckMs: options.runCheckMs,
    }),
    saveAndPermute(stores),
    permuteMappingData(stores, options),
    markRunComplete(stores),
  ];
  return [
    checkForExecutableRuns(stores, options),
    ...ofRun.map((definition) => failRunAtLast(database, definition)),
    calculateComparisonRate(stores),
    removeProject(stores),
    deleteMinioObjects(stores),
    comparisonsFailed(stores, options.chunkSizeAim),
    runFailedHandler(database),
    celeryBugFix(),
  ];
}
