import type { Database } from "./database.js";
import type { WritableEncodingStore } from "./encoding-store.js";
import type { RunCache } from "./run-cache.js";
import { checkForExecutableRuns, createComparisonJobs, prerunCheck, removeProject } from "./task-calls.js";
import type { TaskQueue } from "./task-queue.js";

export interface ResumeWorkStores {
  readonly database: Pick<
    Database,
    | "listPendingUploads"
    | "dropUpload"
    | "listDeletedProjects"
    | "listProjects"
    | "listRuns"
    | "listUnfinishedRuns"
  >;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
  readonly cache: Pick<RunCache, "setRunState">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** What was found, in numbers. */
export interface ResumedWork {
  readonly droppedUploads: number;
  readonly deletedProjects: number;
  readonly runs: number;
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
  const deleted = await database.listDeletedProjects();
  for (const projectId of deleted) await tasks.send(removeProject(projectId));

  let runs = 0;
  for (const { runId, projectId, state } of await database.listUnfinishedRuns()) {
    runs++;
    if (state === "running") {
      await cache.setRunState(runId, "active");
      await tasks.send(createComparisonJobs(projectId, runId));
    } else {
      await tasks.send(prerunCheck(projectId, runId));
    }
  }
  for (const { projectId } of await database.listProjects()) {
    const created = (await database.listRuns(projectId)).filter(({ state }) => state === "created");
    if (created.length > 0) await tasks.send(checkForExecutableRuns(projectId));
  }
  return { droppedUploads: uploads.length, deletedProjects: deleted.length, runs };
}
