import type { UploadSummary } from "../database.js";
import { disabled } from "../external-upload.js";
import { DEFAULT_BLOCK, hashBlockName } from "./block-name-hash.js";
import { oneBlockOf } from "./block-sorter.js";
import { findSizeProblem } from "./encoding-size.js";
import {
  checkExternalFiles,
  type ExternalFiles,
  MAX_NAMES_LENGTH,
  readExternalFiles,
} from "./external-files.js";
import { finishUpload } from "./finish-upload.js";
import { IncomingBody } from "./incoming-body.js";
import { createBlockSorter, readJsonRows } from "./read-json-rows.js";
import { sendPullTask } from "./send-pull-task.js";
import { startRuns } from "./start-runs.js";
import { UploadMembers } from "./upload-members.js";
import { type UploadSlot, withUploadSlot } from "./upload-slot.js";
import type { UploadOptions, UploadReceipt, UploadRequest, UploadStores } from "./upload-stores.js";
import { UploadWriter } from "./upload-writer.js";

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
      const incoming = new IncomingBody(body, slot.signal);
      try {
        const beginning = await incoming.peek(MAX_NAMES_LENGTH);
        const files = beginning && readExternalFiles(beginning);
        return files === undefined
          ? await receiveRows(stores, options, slot, incoming)
          : await receiveFiles(stores, slot, files);
      } finally {
        incoming.close();
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
  body: IncomingBody,
): Promise<Received> {
  const members = new UploadMembers(project.usesBlocking);
  const rows = new UploadWriter(stores.encodings, party.id, receiptToken, (byteLength) =>
    findSizeProblem(byteLength, project, limits),
  );
  const sorter = createBlockSorter(sorting, limits.maxBlocksPerRow);
  let summary: UploadSummary;
  try {
    const rules = { ...limits, checkMember: members.check };
    const { recordCount, byteLength } = await readJsonRows(body, rules, sorter, rows.take);
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
  return { isComplete, receipt: { receiptToken, recordCount, sha256: body.sha256() } };
}

async function receiveFiles(
  stores: UploadStores,
  { project, party, receiptToken }: UploadSlot,
  { encodings, blocks }: ExternalFiles,
): Promise<Received> {
  const { externalBucket } = stores;
  new UploadMembers(project.usesBlocking).checkBlocks(blocks !== undefined);
  if (externalBucket === undefined) throw disabled("Uploads through an object store");
  const files = blocks === undefined ? [encodings] : [encodings, blocks];
  checkExternalFiles(files, externalBucket, project.projectId, party.id);
  await sendPullTask(stores.tasks, project.projectId, party.id, receiptToken, { encodings, blocks });
  // If it is no longer pending, the task was faster.
  await stores.database.acceptPendingUpload(party.id, receiptToken);
  return { isComplete: false, receipt: { receiptToken, recordCount: undefined, sha256: undefined } };
}
