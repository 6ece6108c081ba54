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

/** An upload that is stored, but that nobody knows of yet. */
export interface StoredUpload {
  readonly project: Pick<Project, "projectId">;
  readonly party: Pick<Dataprovider, "id" | "index">;
  readonly receiptToken: string;
  readonly summary: UploadSummary;
  /** Why the project cannot use it: it ends in error then, and with it the project's runs. */
  readonly sizeProblem?: SizeProblem | undefined;
}

/**
 * Ends a pending upload: from now on the party is done, or, with a problem, in error.
 *
 * @returns whether all parties' data is there now, so that {@link checkForExecutableRuns} is due
 * @throws ServiceError `forbidden` if the turn was taken over (whoever took it over removes what it finds) or the project
 *   is gone
 */
export async function finishUpload(
  { database, encodings }: FinishingStores,
  { project, party, receiptToken, summary, sizeProblem }: StoredUpload,
): Promise<boolean> {
  const state = sizeProblem === undefined ? "ready" : "error";
  const isFinished = await end(database, encodings, party.id, receiptToken, summary, state);
  const parties = await database.listDataproviders(project.projectId);
  if (parties.length === 0) {
    await encodings.remove(party.id, receiptToken); // deleted in the meantime: nobody else would find it
    throw accessDenied();
  }
  // A task that is done twice at once finds the upload ended by the other one.
  const known = parties.find(({ id }) => id === party.id)?.upload;
  if (!isFinished && !(known?.receiptToken === receiptToken && known.state === state)) throw accessDenied();
  if (sizeProblem !== undefined) {
    const { expected, received } = sizeProblem;
    const message = `The encodings of party ${party.index} cannot be used: expected ${expected}, got ${received}.`;
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
    // It may have been done all the same; only while the turn is still this upload's may its rows be removed.
    const known = await database.findUpload(dataproviderId).catch(() => undefined);
    if (known?.receiptToken === receiptToken && known.state === "pending") {
      await encodings.remove(dataproviderId, receiptToken).catch(() => {});
    }
    throw error;
  }
}
