import type { Database } from "./database.js";
import type { WritableEncodingStore } from "./encoding-store.js";
import { type ResendTasksStores, type ResentTasks, resendTasks } from "./resend-tasks.js";
import type { RunCache } from "./run-cache.js";
import { createComparisonJobs } from "./task-calls.js";

export interface ResumeWorkStores extends ResendTasksStores {
  readonly database: ResendTasksStores["database"] & Pick<Database, "listPendingUploads" | "dropUpload">;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
  readonly cache: Pick<RunCache, "setRunState">;
}

/** What was found, in numbers. */
export interface ResumedWork extends ResentTasks {
  readonly droppedUploads: number;
  readonly runningRuns: number;
}

/**
 * Goes on, at the start of a service that is alone on its stores and keeps its queue in memory, with what an earlier process
 * has left: uploads that it broke off are dropped, and the parties have their turns back; deleted projects are removed; runs
 * are sent again, each from where it was. Call it before uploads are taken.
 */
export async function resumeWork(stores: ResumeWorkStores): Promise<ResumedWork> {
  const { database, encodings, cache, tasks } = stores;
  const uploads = await database.listPendingUploads();
  for (const { dataproviderId, receiptToken, partyState } of uploads) {
    await encodings.remove(dataproviderId, receiptToken);
    // One that was accepted already cannot be read again either: the party is told by the project's error.
    await database.dropUpload(dataproviderId, receiptToken, partyState === "done" ? "error" : "not_started");
  }
  const resent = await resendTasks(stores);
  const running = (await database.listUnfinishedRuns()).filter(({ state }) => state === "running");
  for (const { runId, projectId } of running) {
    await cache.setRunState(runId, "active");
    await tasks.send(createComparisonJobs(projectId, runId));
  }
  return { droppedUploads: uploads.length, ...resent, runningRuns: running.length };
}
