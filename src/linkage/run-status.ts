import type { Dataprovider, Project } from "./project.js";
import type { Run, RunState } from "./run.js";
import type { RunCache } from "./run-cache.js";
import { uploadProgress } from "./upload-progress.js";

/** The progress of a stage. */
export interface StageProgress {
  /** Number of parties or comparisons, an integer ≥ 0. */
  readonly absolute: number;
  /** 0 to 1. */
  readonly relative: number;
}

/** The status of a run for clients. */
export interface RunStatus {
  /** Also `error` while an upload of the project is in error. */
  readonly state: RunState;
  readonly stageCount: 2 | 3;
  readonly stage: number;
  readonly progress: StageProgress | undefined;
  /** The number of comparisons of the run, once it is completed. */
  readonly comparisons: number | undefined;
  /** Estimated seconds until the comparisons are done, at the average speed so far; `undefined` without an estimate. */
  readonly secondsLeft: number | undefined;
  /** Why the run has failed. */
  readonly message: string | undefined;
}

export interface RunStatusStores {
  readonly cache: Pick<RunCache, "progressOf">;
  /** Counts the comparisons of a project whose uploads are complete. */
  readonly countComparisons: (projectId: string) => Promise<number>;
}

/** Below this share, or before this many seconds, an estimate would only be noise. */
const MIN_SHARE = 0.01;
const MIN_SECONDS = 1;

/** @param now the time */
export async function runStatus(
  { cache, countComparisons }: RunStatusStores,
  project: Project,
  parties: readonly Dataprovider[],
  run: Run,
  now: Date,
): Promise<RunStatus> {
  const { partiesContributed, hasError } = uploadProgress(parties);
  const state = hasError ? "error" : run.state;
  const total = run.stage > 1 ? await countComparisons(project.projectId) : 0;
  let progress: StageProgress | undefined;
  if (run.stage === 1) progress = share(partiesContributed, project.partyCount);
  if (run.stage === 2) {
    // The count is cleared when the stage ends, and lost if the cache loses its data.
    const counted = await cache.progressOf(run.runId);
    if (state === "completed") progress = share(total, total);
    else if (counted !== undefined) progress = share(counted.comparisons, total);
  }
  return {
    state,
    stageCount: project.resultType === "similarity_scores" ? 2 : 3,
    stage: run.stage,
    progress,
    comparisons: state === "completed" ? total : undefined,
    secondsLeft:
      state === "running" && run.stage === 2 ? estimate(progress, run.timeStarted, now) : undefined,
    message: state === "error" ? (run.errorMessage ?? uploadMessage(hasError)) : undefined,
  };
}

/** Python workers count a task's comparisons again each time they execute it, so the count may exceed the total. */
function share(counted: number, total: number): StageProgress {
  const absolute = Math.min(counted, total);
  return { absolute, relative: total === 0 ? 0 : absolute / total };
}

function estimate(progress: StageProgress | undefined, begin: Date | undefined, now: Date) {
  if (progress === undefined || begin === undefined || progress.relative < MIN_SHARE) return undefined;
  const seconds = (now.getTime() - begin.getTime()) / 1000;
  if (seconds < MIN_SECONDS) return undefined;
  return Math.round((seconds * (1 - progress.relative)) / progress.relative);
}

function uploadMessage(hasError: boolean): string {
  return hasError
    ? "An upload of the project cannot be used; its party has to upload again."
    : "The run has failed.";
}
