import type { Dataprovider, Project } from "./project.js";
import type { Run, RunState } from "./run.js";
import type { RunCache } from "./run-cache.js";
import { uploadProgress } from "./upload-progress.js";

/** How far a stage is. */
export interface StageProgress {
  /** Whole number ≥ 0: parties, or comparisons. */
  readonly absolute: number;
  /** 0 up to 1. */
  readonly relative: number;
}

/** What there is to tell of a run. */
export interface RunStatus {
  /** `error` also while an upload of the project is in error. */
  readonly state: RunState;
  readonly stageCount: 2 | 3;
  readonly stage: number;
  readonly progress: StageProgress | undefined;
  /** Comparisons of the run, once they are done. */
  readonly comparisons: number | undefined;
  /** Seconds until the comparisons are done, if they go on as they went; `undefined` where that cannot be told. */
  readonly secondsLeft: number | undefined;
  /** Why the run has failed. */
  readonly message: string | undefined;
}

export interface RunStatusStores {
  readonly cache: Pick<RunCache, "progressOf">;
  /** Comparisons of a project whose uploads are complete. */
  readonly countComparisons: (projectId: string) => Promise<number>;
}

/** With less than this share done, or after less time, an estimate would only be noise. */
const LEAST_SHARE = 0.01;
const LEAST_SECONDS = 1;

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
    // What is counted is forgotten as the stage ends, and by a cache that was lost.
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

function share(absolute: number, total: number): StageProgress {
  return { absolute, relative: total === 0 ? 0 : Math.min(1, absolute / total) };
}

function estimate(progress: StageProgress | undefined, begin: Date | undefined, now: Date) {
  if (progress === undefined || begin === undefined || progress.relative < LEAST_SHARE) return undefined;
  const seconds = (now.getTime() - begin.getTime()) / 1000;
  if (seconds < LEAST_SECONDS) return undefined;
  return Math.round((seconds * (1 - progress.relative)) / progress.relative);
}

function uploadMessage(hasError: boolean): string {
  return hasError
    ? "An upload of the project cannot be used; its party has to upload again."
    : "The run has failed.";
}
