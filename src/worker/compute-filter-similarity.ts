import { createHash } from "node:crypto";
import { writeCandidateFile } from "../core/candidate-file.js";
import { candidateCount } from "../core/candidate-pairs.js";
import { checkByteLength } from "../core/clk-dataset.js";
import { describeValue, LinkageError } from "../core/errors.js";
import type { RunDatabase } from "../linkage/database.js";
import type { EncodingStore } from "../linkage/encoding-store.js";
import { ServiceError } from "../linkage/errors.js";
import type { ObjectStore } from "../linkage/object-store.js";
import type { RunCache } from "../linkage/run-cache.js";
import type { TaskContext } from "../linkage/task-queue.js";
import { type ChunkOptions, type ChunkResult, compareBlocks, compareChunk } from "./compare-package.js";
import { EncodingCache } from "./encoding-cache.js";
import { loadBlocks } from "./load-blocks.js";
import { RunWatch } from "./run-watch.js";
import { type ChunkSide, readWorkPackage, type WorkPackage } from "./work-package.js";

/** The task's name, and its parameters in their order, for calls that mix positions and keywords. */
export const COMPUTE_FILTER_SIMILARITY = {
  name: "entityservice.tasks.comparing.compute_filter_similarity",
  parameters: ["package", "project_id", "run_id", "threshold", "encoding_size", "parent_span"],
  requiredCount: 5,
} as const;

/** The stores that the task works on. */
export interface ComputeFilterSimilarityStores {
  readonly encodings: EncodingStore;
  readonly runs: Pick<RunDatabase, "runState" | "failRun">;
  readonly cache: Pick<RunCache, "isActive" | "countProgress">;
  readonly objects: Pick<ObjectStore, "put" | "byteLengthOf">;
}

export interface ComputeFilterSimilarityOptions {
  /** A run with more candidate pairs than this fails; at least 1. */
  readonly maxCandidatePairs: number;
  /** Encodings to keep in memory between tasks, in bytes; 0 keeps none. Default: 512 MiB. */
  readonly encodingCacheByteLength?: number | undefined;
  /** Threads of one comparison, 1 to 256. Default: all the machine's for large chunks. */
  readonly threads?: number | undefined;
  /** Milliseconds between two looks whether the run still goes on, during a comparison. Default: 1,000. */
  readonly runCheckMs?: number | undefined;
}

/** The arguments by name; values as they came. */
export type TaskParameters = Readonly<Record<string, unknown>>;

/**
 * How many candidate pairs, in a file of how many bytes, and its name in the object store. `null` where the run has
 * ended or was deleted, or failed now: who aggregates then knows that the results are not complete.
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
/** A file that is a header only, and what each pair adds to it, in bytes. */
const HEADER_LENGTH = 4;
const PAIR_LENGTH = 24;

/**
 * Makes the task that compares the encodings of one package and stores the candidate pairs. It can be done again at any
 * time: the file is named after the task's id and has the same bytes each time, and progress counts a task once.
 *
 * The task throws ServiceError `invalid-arguments` for arguments that nothing can be done with, the stores' errors, and
 * the library's, but for too many candidate pairs, which fail the run.
 */
export function computeFilterSimilarity(
  { encodings, runs, cache, objects }: ComputeFilterSimilarityStores,
  options: ComputeFilterSimilarityOptions,
): (parameters: TaskParameters, context: TaskContext) => Promise<ComputeFilterSimilarityResult> {
  const { maxCandidatePairs, threads } = options;
  const recent = new EncodingCache(options.encodingCacheByteLength ?? DEFAULT_CACHE_BYTE_LENGTH);

  return async (parameters, { taskId, signal }) => {
    const { chunks, projectId, runId, threshold, byteLength } = readArguments(parameters);
    signal?.throwIfAborted();
    if (!(await cache.isActive(runId))) return null;
    const state = await runs.runState(projectId, runId);
    if (state === undefined || state === "completed" || state === "error") return null;

    const fileName = fileNameOf(taskId);
    const storedLength = await objects.byteLengthOf(fileName);
    if (storedLength !== undefined) return [countPairs(storedLength), storedLength, fileName];

    let result: ChunkResult;
    const watch = new RunWatch(cache, runId, signal, options.runCheckMs);
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
    return [count, fileLength, fileName];
  };

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

/** The name of a task's file, which fits in the 70 characters that the database has for it. */
export function fileNameOf(taskId: string): string {
  const digest = createHash("sha256").update(taskId).digest("hex");
  return `similarity-scores/${digest.slice(0, 48)}.bin`;
}

function countPairs(fileLength: number): number {
  const count = (fileLength - HEADER_LENGTH) / PAIR_LENGTH;
  if (Number.isInteger(count) && count > 0) return count;
  throw new ServiceError("store-failed", "candidate file", "whole pairs", `${fileLength} bytes`);
}

function readArguments(parameters: TaskParameters): Arguments {
  const chunks = readWorkPackage(parameters["package"]);
  const projectId = readText(parameters, "project_id");
  const runId = readText(parameters, "run_id");
  const { threshold, encoding_size: byteLength } = parameters;
  if (typeof threshold !== "number" || !(threshold > 0 && threshold <= 1)) {
    throw wrong("threshold", "a number above 0, up to 1", threshold);
  }
  try {
    checkByteLength(byteLength as number);
  } catch (error) {
    throw wrong("encoding_size", (error as LinkageError).expected, byteLength);
  }
  return { chunks, projectId, runId, threshold, byteLength: byteLength as number };
}

function readText(parameters: TaskParameters, name: string): string {
  const value = parameters[name];
  if (typeof value === "string" && value !== "") return value;
  throw wrong(name, "a text", value);
}

function wrong(subject: string, expected: string, value: unknown): ServiceError {
  return new ServiceError("invalid-arguments", subject, expected, describeValue(value));
}
