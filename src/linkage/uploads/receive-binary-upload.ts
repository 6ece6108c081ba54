import { ServiceError } from "../errors.js";
import type { Project } from "../project.js";
import { DEFAULT_BLOCK, hashBlockName } from "./block-name-hash.js";
import { oneBlockOf } from "./block-sorter.js";
import { findSizeProblem } from "./encoding-size.js";
import { finishUpload } from "./finish-upload.js";
import { IncomingBody } from "./incoming-body.js";
import { readBinaryRows, wrongLength } from "./read-binary-rows.js";
import { startRuns } from "./start-runs.js";
import { UploadMembers } from "./upload-members.js";
import { withUploadSlot } from "./upload-slot.js";
import type {
  BinaryUploadRequest,
  UploadLimits,
  UploadOptions,
  UploadReceipt,
  UploadStores,
} from "./upload-stores.js";
import { UploadWriter } from "./upload-writer.js";

/**
 * Receives records as raw bytes. Resolves once all of them are stored.
 *
 * @param body `hashCount × hashSize` bytes, cut anywhere; its errors abort the upload and are passed on
 * @throws ServiceError `forbidden` for a wrong token or project, a party that may not upload now, or a project with
 *   blocks; `invalid-request` for anything else that cannot be used
 */
export async function receiveBinaryUpload(
  stores: UploadStores,
  options: UploadOptions,
  request: BinaryUploadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadReceipt> {
  const { limits } = options;
  const { isComplete, receipt } = await withUploadSlot(
    stores,
    options,
    request,
    request.stateWhenRefused,
    async (slot) => {
      const { project, party, receiptToken } = slot;
      new UploadMembers(project.usesBlocking).checkBlocks(false);
      const { recordCount, byteLength } = readHeaders(request, project, limits);
      const incoming = new IncomingBody(body, slot.signal);
      const rows = new UploadWriter(stores.encodings, party.id, receiptToken, () => undefined);
      let blockCount: number;
      try {
        await readBinaryRows(incoming, recordCount, byteLength, "refuse", rows.take);
        blockCount = await rows.commit(oneBlockOf(recordCount, await hashBlockName(DEFAULT_BLOCK)));
      } catch (error) {
        await rows.abort();
        throw error;
      } finally {
        incoming.close();
      }
      const summary = { recordCount, blockCount, encodingSize: byteLength };
      return {
        isComplete: await finishUpload(stores, { project, party, receiptToken, summary }),
        receipt: { receiptToken, recordCount, sha256: incoming.sha256() },
      };
    },
  );
  if (isComplete) await startRuns(stores.tasks, request.projectId, options.onUnsent);
  return receipt;
}

function readHeaders(
  { hashCount, hashSize, bodyByteLength }: BinaryUploadRequest,
  project: Project,
  limits: UploadLimits,
): { readonly recordCount: number; readonly byteLength: number } {
  const byteLength = readWhole("Hash-Size", hashSize, limits.minEncodingSize, limits.maxEncodingSize);
  const problem = findSizeProblem(byteLength, project, limits);
  if (problem !== undefined) {
    const message = `Hash-Size must be ${problem.expected}, not ${problem.received}.`;
    throw new ServiceError("invalid-request", message, { subject: "Hash-Size", ...problem });
  }
  const recordCount = readWhole("Hash-Count", hashCount, 1, limits.maxRecords);
  if (bodyByteLength !== undefined && bodyByteLength !== recordCount * byteLength) {
    throw wrongLength(recordCount, byteLength, `${bodyByteLength} bytes`);
  }
  return { recordCount, byteLength };
}

function readWhole(header: string, text: string | undefined, min: number, max: number): number {
  const value = Number(text);
  if (text !== undefined && /^\s*\d+\s*$/.test(text) && value >= min && value <= max) return value;
  const expected = `a whole number from ${min} to ${max}`;
  const received =
    text === undefined ? ", but is missing" : /^[-+\d\s]{1,20}$/.test(text) ? `, not ${text.trim()}` : "";
  const message = `${header} must be ${expected}${received}.`;
  throw new ServiceError("invalid-request", message, { subject: header, expected });
}
