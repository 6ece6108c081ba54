import { accessDenied } from "../authorize.js";
import type { Database, UploadSummary } from "../database.js";
import type { WritableEncodingStore } from "../encoding-store.js";
import type { Dataprovider, Project } from "../project.js";
import { uploadProgress } from "../upload-progress.js";
import type { SizeProblem } from "./encoding-size.js";

export interface FinishingStores {
  readonly database: Pick<
    Database,
    "finishUpload" | "findUpload" | "listDataproviders" | "failRunsOfProject"
  >;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
}

/** An upload that is stored but not visible yet. */
export interface StoredUpload {
  readonly project: Pick<Project, "projectId">;
  readonly party: Pick<Dataprovider, "id" | "index">;
  readonly receiptToken: string;
  readonly summary: UploadSummary;
  /** Why the project cannot use it; if set, the upload ends in error, and so do the project's runs. */
  readonly sizeProblem?: SizeProblem;
}

/**
 * Finishes a pending upload: the party is done, or, if there is a problem, in error.
 *
 * @returns whether all parties' data is stored now, so that {@link checkForExecutableRuns} is due
 * @throws ServiceError `forbidden` if another upload has taken over the slot (it removes the data it finds), or the
 *   project is gone
 */
export async function finishUpload(
  { database, encodings }: FinishingStores,
  { project, party, receiptToken, summary, sizeProblem }: StoredUpload,
): Promise<boolean> {
  const state = sizeProblem === undefined ? "ready" : "error";
  const isFinished = await end(database, encodings, party.id, receiptToken, summary, state);
  const parties = await database.listDataproviders(project.projectId);
  if (parties.length === 0) {
    await encodings.remove(party.id, receiptToken); // deleted in the meantime: nothing else would remove it
    throw accessDenied();
  }
  // If the task is executed twice at the same time, the other execution may have finished the upload.
  const known = parties.find(({ id }) => id === party.id)?.upload;
  if (!isFinished && !(known?.receiptToken === receiptToken && known.state === state)) throw accessDenied();
  if (sizeProblem !== undefined) {
    const { expected, received } = sizeProblem;
    const message = `The encodings of party ${party.index} must have ${expected}, but have ${received}.`;
    await database.failRunsOfProject(project.projectId, message);
  }
  return uploadProgress(parties).isComplete;
}

async function end(
  database: FinishingStores["database"],
  encodings: FinishingStores["encodings"],
  dataproviderId: number,
  receiptToken: string,
  summary: UploadSummary,
  state: "ready" | "error",
): Promise<boolean> {
  try {
    return await database.finishUpload(dataproviderId, receiptToken, summary, state);
  } catch (error) {
    // It may have succeeded nevertheless; the data may be removed only while this upload still holds the slot.
    const known = await database.findUpload(dataproviderId).catch(() => undefined);
    if (known?.receiptToken === receiptToken && known.state === "pending") {
      await encodings.remove(dataproviderId, receiptToken).catch(() => {});
    }
    throw error;
  }
}
