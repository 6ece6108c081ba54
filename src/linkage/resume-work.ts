import type { Database } from "./database.js";
import type { WritableEncodingStore } from "./encoding-store.js";
import type { RunCache } from "./run-cache.js";
import { checkForExecutableRuns, createComparisonJobs, prerunCheck, removeProject } from "./task-calls.js";
import type { TaskQueue } from "./task-queue.js";

export interface ResumeWorkStores {
  readonly database: Pick<
    Database,
    "listPendingUploads" | "dropUpload" | "listDeletedProjects" | "listUnfinishedRuns"
  >;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
  readonly cache: Pick<RunCache, "setRunState">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** The numbers of uploads, projects and runs found. */
export interface ResumedWork {
  readonly droppedUploads: number;
  readonly deletedProjects: number;
  /** Projects with runs that wait to be started. */
  readonly waitingProjects: number;
  readonly queuedRuns: number;
  readonly runningRuns: number;
}

/**
 * Resumes the work of an earlier process, at the start of a service that has its stores to itself and keeps its queue
 * in memory. Interrupted uploads are dropped, and their parties may upload again; deleted projects are removed; the
 * next task of each unfinished run is sent again. Must be called before uploads are accepted.
 */
export async function resumeWork(stores: ResumeWorkStores): Promise<ResumedWork> {
  const { database, encodings, cache, tasks } = stores;
  const uploads = await database.listPendingUploads();
  for (const { dataproviderId, receiptToken, partyState } of uploads) {
    await encodings.remove(dataproviderId, receiptToken);
    // An upload that was accepted cannot be read again either: the project's error reports that to its parties.
    await database.dropUpload(dataproviderId, receiptToken, partyState === "done" ? "error" : "not_started");
  }
  const deleted = await database.listDeletedProjects();
  for (const projectId of deleted) await tasks.send(removeProject(projectId));

  const runs = await database.listUnfinishedRuns();
  const inState = (wanted: string) => runs.filter(({ state }) => state === wanted);
  const [created, queued, running] = [inState("created"), inState("queued"), inState("running")];
  for (const { projectId, runId } of queued) await tasks.send(prerunCheck(projectId, runId));
  const waiting = new Set(created.map(({ projectId }) => projectId));
  for (const projectId of waiting) await tasks.send(checkForExecutableRuns(projectId));
  for (const { runId, projectId } of running) {
    await cache.setRunState(runId, "active");
    await tasks.send(createComparisonJobs(projectId, runId));
  }
  return {
    droppedUploads: uploads.length,
    deletedProjects: deleted.length,
    waitingProjects: waiting.size,
    queuedRuns: queued.length,
    runningRuns: running.length,
  };
}
