import type { UploadSummary } from "../database.js";
import { disabled } from "../external-upload.js";
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
import { UploadMembers } from "./upload-members.js";
import { type UploadSlot, withUploadSlot } from "./upload-slot.js";
import type { UploadOptions, UploadReceipt, UploadRequest, UploadStores } from "./upload-stores.js";
import { UploadWriter } from "./upload-writer.js";

/** Thrown by the reader's sink if the body names files. */
class FilesFound extends Error {}

/**
 * Receives the JSON of an upload: records, or the names of external files. Resolves once all records are stored, or the
 * task that reads the files is sent.
 *
 * Records of one width that the project cannot use are accepted, but the upload and the party are then in error, and
 * the project's runs fail.
 *
 * @param body UTF-8, cut anywhere; its errors abort the upload and are passed on
 * @throws ServiceError `forbidden` for a wrong token or project, a party that may not upload now, blocks in a project
 *   without blocking or none in one with blocking, or files of another party; `invalid-request` for anything else that
 *   cannot be used; `feature-disabled` for external files if they are not set up
 */
export async function receiveJsonUpload(
  stores: UploadStores,
  options: UploadOptions,
  request: UploadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadReceipt> {
  const { isComplete, receipt } = await withUploadSlot(
    stores,
    options,
    request,
    "not_started",
    async (slot) => {
      const incoming = new IncomingBody(body, options.limits.maxBodyByteLength, slot.signal);
      const resumable = new ResumableBody(incoming);
      try {
        return await receiveRows(stores, options, slot, incoming, resumable);
      } catch (error) {
        if (!(error instanceof FilesFound)) throw error;
        return await receiveFiles(stores, slot, resumable);
      } finally {
        await resumable.close();
      }
    },
  );
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
  { project, party, receiptToken }: UploadSlot,
  incoming: IncomingBody,
  source: AsyncIterable<Uint8Array>,
): Promise<Received> {
  const members = new UploadMembers(project.usesBlocking);
  const rows = new UploadWriter(stores.encodings, party.id, receiptToken, (byteLength) =>
    findSizeProblem(byteLength, project, limits),
  );
  const sorter = createBlockSorter(sorting, limits.maxBlocksPerRow);
  const onExternalFile = () => {
    throw new FilesFound();
  };
  let summary: UploadSummary;
  try {
    const rules = { ...limits, checkMember: members.check, onExternalFile };
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
  { project, party, receiptToken }: UploadSlot,
  body: ResumableBody,
): Promise<Received> {
  const { externalBucket } = stores;
  const { encodings, blocks } = readExternalFiles(await body.whole());
  new UploadMembers(project.usesBlocking).checkBlocks(blocks !== undefined);
  if (externalBucket === undefined) throw disabled("Uploads through an object store");
  const files = blocks === undefined ? [encodings] : [encodings, blocks];
  checkExternalFiles(files, externalBucket, project.projectId, party.id);
  await sendPullTask(stores.tasks, project.projectId, party.id, receiptToken, { encodings, blocks });
  // If it is no longer pending, the task was faster.
  await stores.database.acceptPendingUpload(party.id, receiptToken);
  return { isComplete: false, receipt: { receiptToken, recordCount: undefined, sha256: undefined } };
}
