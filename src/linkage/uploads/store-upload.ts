import type { Database } from "../database.js";
import type { BlockMembers, WritableEncodingStore } from "../encoding-store.js";
import { ServiceError } from "../errors.js";
import type { Dataprovider, Project } from "../project.js";
import { checkForExecutableRuns } from "../task-calls.js";
import type { TaskQueue } from "../task-queue.js";
import { uploadProgress } from "../upload-progress.js";
import type { BlockSorting } from "./block-sorter.js";
import { findSizeProblem } from "./encoding-size.js";
import { finishUpload } from "./finish-upload.js";
import type { UploadLimits } from "./upload-stores.js";
import { UploadWriter } from "./upload-writer.js";

/** The stores that tasks need to store accepted uploads. */
export interface AcceptedUploadStores {
  readonly database: Pick<
    Database,
    | "findProject"
    | "listDataproviders"
    | "preparePendingUpload"
    | "findUpload"
    | "finishUpload"
    | "failRunsOfProject"
  >;
  readonly encodings: WritableEncodingStore;
  readonly tasks: Pick<TaskQueue, "send">;
}

export interface AcceptedUploadOptions {
  readonly limits: UploadLimits;
  readonly sorting: BlockSorting;
}

/** An upload that was accepted, but whose records are still in files. */
export interface AcceptedUpload {
  readonly projectId: string;
  readonly dataproviderId: number;
  readonly receiptToken: string;
}

/** What was read from the files. */
export interface ReadUpload {
  readonly recordCount: number;
  /** Bytes in an encoding. */
  readonly byteLength: number;
  readonly blocks: AsyncIterable<BlockMembers>;
}

/**
 * Stores an accepted upload, then removes its files. Idempotent: safe to repeat after success or after any
 * interruption. If the project or the upload is gone, nothing is stored.
 *
 * @param read hands out the records, then returns the blocks
 */
export async function storeUpload(
  stores: AcceptedUploadStores,
  { limits }: AcceptedUploadOptions,
  { projectId, dataproviderId, receiptToken }: AcceptedUpload,
  read: (rows: UploadWriter) => Promise<ReadUpload>,
  removeFiles: () => Promise<void>,
): Promise<void> {
  const { database, encodings, tasks } = stores;
  const project = await database.findProject(projectId);
  const parties = await database.listDataproviders(projectId);
  const party = parties.find(({ id }) => id === dataproviderId);
  if (project === undefined || party === undefined) {
    await removeFiles();
    return;
  }
  if (await database.preparePendingUpload(dataproviderId, receiptToken, encodings.fileOf(receiptToken))) {
    await storeRows(stores, limits, project, party, receiptToken, read);
  } else if (!(await isStored(database, dataproviderId, receiptToken))) return;
  await removeFiles();
  if (uploadProgress(await database.listDataproviders(projectId)).isComplete) {
    await tasks.send(checkForExecutableRuns(projectId));
  }
}

async function storeRows(
  stores: AcceptedUploadStores,
  limits: AcceptedUploadOptions["limits"],
  project: Project,
  party: Dataprovider,
  receiptToken: string,
  read: (rows: UploadWriter) => Promise<ReadUpload>,
): Promise<void> {
  const rows = new UploadWriter(stores.encodings, party.id, receiptToken, (byteLength) =>
    findSizeProblem(byteLength, project, limits),
  );
  let summary: Parameters<typeof finishUpload>[1]["summary"];
  try {
    const { recordCount, byteLength, blocks } = await read(rows);
    summary = { recordCount, blockCount: await rows.commit(blocks), encodingSize: byteLength };
  } catch (error) {
    await rows.abort();
    throw error;
  }
  try {
    await finishUpload(stores, { project, party, receiptToken, summary, sizeProblem: rows.sizeProblem });
  } catch (error) {
    const isGone = error instanceof ServiceError && error.code === "forbidden";
    if (!isGone) throw error;
  }
}

/** Whether the upload is already stored, by a task that was then killed or by a second execution of the same task. */
async function isStored(
  database: Pick<Database, "findUpload">,
  dataproviderId: number,
  receiptToken: string,
): Promise<boolean> {
  const upload = await database.findUpload(dataproviderId);
  return upload?.receiptToken === receiptToken && upload.state === "ready";
}
