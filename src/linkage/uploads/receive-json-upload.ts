import type { UploadSummary } from "../database.js";
import { ServiceError } from "../errors.js";
import { DEFAULT_BLOCK, hashBlockName } from "./block-name-hash.js";
import { oneBlockOf } from "./block-sorter.js";
import { findSizeProblem } from "./encoding-size.js";
import { checkExternalFiles, readExternalFiles } from "./external-files.js";
import { finishUpload } from "./finish-upload.js";
import { IncomingBody } from "./incoming-body.js";
import { createBlockSorter, readJsonRows } from "./read-json-rows.js";
import { ResumableBody } from "./resumable-body.js";
import { sendPullTask } from "./send-pull-task.js";
import { startRuns } from "./start-runs.js";
import { StoredRows } from "./stored-rows.js";
import { UploadMembers } from "./upload-members.js";
import type { UploadOptions, UploadReceipt, UploadRequest, UploadStores } from "./upload-stores.js";
import { inTurn, type UploadTurn } from "./upload-turn.js";

/** Thrown by the reader's sink when it shows that the body names files. */
class FilesFound extends Error {}

/**
 * Receives the JSON of an upload, rows or the names of external files, as it comes. Once it resolves, all is stored, or,
 * of external files, the task that reads them is sent.
 *
 * Rows that are all of one width that the project cannot use are accepted: the upload and the party are in error then,
 * and the project's runs fail.
 *
 * @param body UTF-8, cut anywhere; what it throws breaks the upload off, and is passed on
 * @throws ServiceError `forbidden` for a wrong token or project, a turn that is not the party's, blocks where the project
 *   has none or none where it has, files of another party; `invalid-request` for all else that cannot be used;
 *   `feature-disabled` for external files where those are not set up
 */
export async function receiveJsonUpload(
  stores: UploadStores,
  options: UploadOptions,
  request: UploadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadReceipt> {
  const { isComplete, receipt } = await inTurn(stores, options, request, "not_started", async (turn) => {
    const incoming = new IncomingBody(body, options.limits.maxBodyByteLength, turn.signal);
    const resumable = new ResumableBody(incoming);
    try {
      return await receiveRows(stores, options, turn, incoming, resumable);
    } catch (error) {
      if (!(error instanceof FilesFound)) throw error;
      return await receiveFiles(stores, turn, resumable);
    } finally {
      await resumable.close();
    }
  });
  if (isComplete) await startRuns(stores.tasks, request.projectId, options.onUnsent);
  return receipt;
}

interface Received {
  readonly isComplete: boolean;
  readonly receipt: UploadReceipt;
}

async function receiveRows(
  stores: UploadStores,
  { limits, sorting }: UploadOptions,
  { project, party, receiptToken }: UploadTurn,
  incoming: IncomingBody,
  source: AsyncIterable<Uint8Array>,
): Promise<Received> {
  const members = new UploadMembers(project.usesBlocking);
  const rows = new StoredRows(stores.encodings, party.id, receiptToken, (byteLength) =>
    findSizeProblem(byteLength, project, limits),
  );
  const sorter = createBlockSorter(sorting, limits.maxBlocksPerRow);
  const foundFile = () => {
    throw new FilesFound();
  };
  let summary: UploadSummary;
  try {
    const rules = { ...limits, checkMember: members.check, foundFile };
    const { recordCount, byteLength } = await readJsonRows(source, rules, sorter, rows.take);
    members.checkComplete();
    const defaultBlock = await hashBlockName(DEFAULT_BLOCK);
    const blocks = project.usesBlocking ? sorter.blocks() : oneBlockOf(recordCount, defaultBlock);
    summary = { recordCount, blockCount: await rows.commit(blocks), encodingSize: byteLength };
  } catch (error) {
    await rows.abort();
    throw error;
  } finally {
    await sorter.close();
  }
  const stored = { project, party, receiptToken, summary, sizeProblem: rows.sizeProblem };
  const isComplete = await finishUpload(stores, stored);
  const { recordCount } = summary;
  return { isComplete, receipt: { receiptToken, recordCount, sha256: incoming.sha256() } };
}

async function receiveFiles(
  stores: UploadStores,
  { project, party, receiptToken }: UploadTurn,
  body: ResumableBody,
): Promise<Received> {
  const { externalBucket } = stores;
  const { encodings, blocks } = readExternalFiles(await body.whole());
  new UploadMembers(project.usesBlocking).checkBlocks(blocks !== undefined);
  if (externalBucket === undefined) {
    throw new ServiceError("feature-disabled", "upload", "rows, as external files are not set up", "files");
  }
  const files = blocks === undefined ? [encodings] : [encodings, blocks];
  checkExternalFiles(files, externalBucket, project.projectId, party.id);
  await sendPullTask(stores.tasks, project.projectId, party.id, receiptToken, { encodings, blocks });
  // Where it is no longer pending, the task was faster.
  await stores.database.acceptPendingUpload(party.id, receiptToken);
  return { isComplete: false, receipt: { receiptToken, recordCount: undefined, sha256: undefined } };
}
