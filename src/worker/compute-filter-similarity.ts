import { writeCandidateFile } from "../core/candidate-file.js";
import { candidateCount } from "../core/candidate-pairs.js";
import { checkByteLength, MAX_BYTE_LENGTH } from "../core/clk-dataset.js";
import { LinkageError } from "../core/errors.js";
import { candidateFileName } from "../linkage/candidate-file-names.js";
import type { RunDatabase } from "../linkage/database.js";
import type { EncodingStore } from "../linkage/encoding-store.js";
import { ServiceError } from "../linkage/errors.js";
import type { ObjectStore } from "../linkage/object-store.js";
import type { RunCache } from "../linkage/run-cache.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskContext, TaskDefinition } from "../linkage/task-queue.js";
import { type ChunkOptions, type ChunkResult, compareBlocks, compareChunk } from "./compare-package.js";
import { EncodingCache } from "./encoding-cache.js";
import { loadBlocks } from "./load-blocks.js";
import { RunWatch } from "./run-watch.js";
import { readText, type TaskParameters, wrongArgument } from "./task-parameters.js";
import { type ChunkSide, countComparisons, readWorkPackage, type WorkPackage } from "./work-package.js";

/** The stores that the task uses. */
export interface ComputeFilterSimilarityStores {
  readonly encodings: EncodingStore;
  readonly runs: Pick<RunDatabase, "runState" | "failRun">;
  readonly cache: Pick<RunCache, "isActive" | "countProgress">;
  readonly objects: Pick<ObjectStore, "put" | "byteLengthOf" | "remove">;
}

export interface ComputeFilterSimilarityOptions {
  /** A run with more candidate pairs than this fails; at least 1. */
  readonly maxCandidatePairs: number;
  /** Encodings to keep in memory between tasks, in bytes; 0 keeps none. Default: 512 MiB. */
  readonly encodingCacheByteLength?: number;
  /** Threads of one comparison, 1 to 256. Default: all of the machine's for large chunks. */
  readonly threads?: number;
  /** Milliseconds between checks, during a comparison, whether the run is still active. Default: 1,000. */
  readonly runCheckMs?: number;
}

/**
 * The number of candidate pairs, their file's length in bytes, and its name in the object store. `null` if the run has
 * ended, was deleted or fails now, so that the task that combines the results knows that they are incomplete.
 */
export type ComputeFilterSimilarityResult =
  | readonly [candidateCount: number, byteLength: number, fileName: string]
  | readonly [0, null, null]
  | null;

interface Arguments {
  readonly chunks: WorkPackage;
  readonly projectId: string;
  readonly runId: string;
  readonly threshold: number;
  /** Bytes in one encoding. */
  readonly byteLength: number;
}

const DEFAULT_CACHE_BYTE_LENGTH = 512 * 2 ** 20;
/** The length of a file's header, and of each pair in it, in bytes. */
const HEADER_LENGTH = 4;
const PAIR_LENGTH = 24;

/**
 * Makes the task that compares the encodings of one package and stores the candidate pairs. Safe to repeat at any time:
 * the file is named after the task's id and has the same bytes each time, and progress counts a task once.
 *
 * The task throws ServiceError `invalid-arguments` for unusable arguments, the stores' errors, and the library's,
 * except for too many candidate pairs, which fail the run instead.
 */
export function computeFilterSimilarity(
  { encodings, runs, cache, objects }: ComputeFilterSimilarityStores,
  options: ComputeFilterSimilarityOptions,
): Omit<TaskDefinition, "run"> & {
  run(parameters: TaskParameters, context: TaskContext): Promise<ComputeFilterSimilarityResult>;
} {
  const { maxCandidatePairs, threads } = options;
  const recent = new EncodingCache(options.encodingCacheByteLength ?? DEFAULT_CACHE_BYTE_LENGTH);

  return {
    name: TASK_NAMES.computeFilterSimilarity,
    parameters: ["package", "project_id", "run_id", "threshold", "encoding_size", "parent_span?"],
    keepsResult: true,
    load: "compute",
    run,
  };

  async function run(
    parameters: TaskParameters,
    { taskId, signal }: TaskContext,
  ): Promise<ComputeFilterSimilarityResult> {
    const { chunks, projectId, runId, threshold, byteLength } = readArguments(parameters);
    signal?.throwIfAborted();
    if (!(await cache.isActive(runId))) return null;
    const state = await runs.runState(projectId, runId);
    if (state === undefined || state === "completed" || state === "error") return null;

    const fileName = candidateFileName(runId, taskId);
    const storedLength = await objects.byteLengthOf(fileName);
    if (storedLength !== undefined) {
      const candidates = countPairs(storedLength);
      // It was counted before it was stored, but an in-memory cache has forgotten that if the process was restarted.
      await cache.countProgress(runId, taskId, { comparisons: countComparisons(chunks), candidates });
      return [candidates, storedLength, fileName];
    }

    let result: ChunkResult;
    const watch = new RunWatch(() => cache.isActive(runId), signal, options.runCheckMs);
    try {
      result = await compare(chunks, byteLength, {
        threshold,
        threads,
        signal: watch.signal,
        maxCandidates: maxCandidatePairs,
      });
    } catch (error) {
      if (watch.hasEnded && !signal?.aborted) return null;
      if (!(error instanceof LinkageError) || error.code !== "too-many-candidates") throw error;
      return failRun(runId);
    } finally {
      watch.stop();
    }
    signal?.throwIfAborted();

    const { pairs, comparisons } = result;
    const count = candidateCount(pairs);
    const total = await cache.countProgress(runId, taskId, { comparisons, candidates: count });
    if (total === undefined) return null;
    if (total > maxCandidatePairs) return failRun(runId);
    if (count === 0) return [0, null, null];

    const fileLength = HEADER_LENGTH + count * PAIR_LENGTH;
    await objects.put(fileName, () => writeCandidateFile(pairs), fileLength, signal);
    const stateNow = await runs.runState(projectId, runId);
    if (stateNow === undefined || stateNow === "error") {
      await objects.remove([fileName]); // the removal of the run's files missed this one
      return null;
    }
    return [count, fileLength, fileName];
  }

  async function compare(
    chunks: WorkPackage,
    byteLength: number,
    options: ChunkOptions,
  ): Promise<ChunkResult> {
    const { signal } = options;
    if (chunks.length > 1) {
      return compareBlocks(chunks, await loadBlocks(encodings, chunks, byteLength, signal), options);
    }
    const load = (side: ChunkSide) =>
      recent.get(side, byteLength, (given) => encodings.readRange(side, byteLength, given), signal);
    const [chunk] = chunks;
    const [left, right] = await Promise.all([load(chunk.left), load(chunk.right)]);
    return compareChunk(chunk, left, right, options);
  }

  async function failRun(runId: string): Promise<null> {
    const limit = maxCandidatePairs.toLocaleString("en");
    await runs.failRun(
      runId,
      `The run has more than ${limit} candidate pairs, which is the limit. A higher threshold gives fewer.`,
    );
    return null;
  }
}

function countPairs(fileLength: number): number {
  const count = (fileLength - HEADER_LENGTH) / PAIR_LENGTH;
  if (Number.isInteger(count) && count > 0) return count;
  throw new ServiceError("store-failed", `The candidate file has ${fileLength} bytes: not whole pairs.`);
}

function readArguments(parameters: TaskParameters): Arguments {
  const chunks = readWorkPackage(parameters["package"]);
  const projectId = readText(parameters, "project_id");
  const runId = readText(parameters, "run_id");
  const { threshold, encoding_size: byteLength } = parameters;
  if (typeof threshold !== "number" || !(threshold > 0 && threshold <= 1)) {
    throw wrongArgument("threshold", "a number above 0 and up to 1", threshold);
  }
  try {
    checkByteLength(byteLength as number);
  } catch {
    throw wrongArgument("encoding_size", `a whole number from 1 to ${MAX_BYTE_LENGTH}`, byteLength);
  }
  return { chunks, projectId, runId, threshold, byteLength: byteLength as number };
}
