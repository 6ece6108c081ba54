import { MAX_BYTE_LENGTH } from "../../core/clk-dataset.js";
import { ServiceError } from "../errors.js";
import { disabled } from "../external-upload.js";
import { missingObject } from "../object-names.js";
import type { ObjectStore } from "../object-store.js";
import { DEFAULT_BLOCK, hashBlockName } from "./block-name-hash.js";
import { type BlockSorter, oneBlockOf } from "./block-sorter.js";
import { checkExternalFiles, type ExternalFile, type ExternalFiles } from "./external-files.js";
import { readBinaryRows } from "./read-binary-rows.js";
import { createBlockSorter, readJsonBlocks, readJsonRows } from "./read-json-rows.js";
import {
  type AcceptedUpload,
  type AcceptedUploadOptions,
  type AcceptedUploadStores,
  type ReadUpload,
  storeUpload,
} from "./store-upload.js";
import type { UploadWriter } from "./upload-writer.js";

/** The bucket to which parties upload files directly. */
export interface ExternalBucket {
  readonly name: string;
  readonly objects: Pick<ObjectStore, "find" | "get" | "remove">;
}

/**
 * Stores an upload whose records a party has put into the bucket for uploads: raw bytes, or `{"clks": [base64, …]}` if
 * the name ends in `.json`. The file's metadata `hash-count` and `hash-size` give the number of records to read and the
 * bytes in each. Anything beyond is ignored; encodings in JSON are padded with zeros or cut to that size, as the Python
 * service does. Records that the file of blocks does not name are in no block.
 *
 * @throws ServiceError `forbidden` for files outside the party's path, `missing-object`, `invalid-request`; the
 *   library's errors for invalid JSON
 */
export async function storeExternalUpload(
  stores: AcceptedUploadStores & { readonly external: ExternalBucket | undefined },
  options: AcceptedUploadOptions,
  upload: AcceptedUpload,
  files: ExternalFiles,
  signal?: AbortSignal,
): Promise<void> {
  const { external } = stores;
  if (external === undefined) throw disabled("Uploads through an object store");
  const both = files.blocks === undefined ? [files.encodings] : [files.encodings, files.blocks];
  checkExternalFiles(both, external.name, upload.projectId, upload.dataproviderId);
  const sorter = createBlockSorter(options.sorting, options.limits.maxBlocksPerRow);
  try {
    const read = (rows: UploadWriter) =>
      readFiles(external.objects, options.limits, files, sorter, rows, signal);
    const paths = both.map(({ path }) => path);
    await storeUpload(stores, options, upload, read, () => external.objects.remove(paths));
  } finally {
    await sorter.close();
  }
}

async function readFiles(
  objects: ExternalBucket["objects"],
  limits: AcceptedUploadOptions["limits"],
  { encodings, blocks }: ExternalFiles,
  sorter: BlockSorter,
  rows: UploadWriter,
  signal: AbortSignal | undefined,
): Promise<ReadUpload> {
  const fileMetadata = await readPromise(objects, encodings, limits.maxRecords);
  const { recordCount, byteLength } = fileMetadata;
  if (blocks !== undefined) {
    const rules = { ...limits, checkMember: expectMembers("blocks") };
    await readJsonBlocks(objects.get(blocks.path, undefined, signal), rules, recordCount, sorter);
  }
  if (encodings.path.endsWith(".json")) {
    const rules = { ...limits, fileMetadata, checkMember: expectMembers("clks", "encodings") };
    await readJsonRows(objects.get(encodings.path, undefined, signal), rules, sorter, rows.take);
  } else {
    const range = { from: 0, byteLength: recordCount * byteLength };
    const source = objects.get(encodings.path, range, signal);
    await readBinaryRows(source, recordCount, byteLength, "ignore", rows.take);
  }
  const defaultBlock = await hashBlockName(DEFAULT_BLOCK);
  return {
    ...fileMetadata,
    blocks: blocks === undefined ? oneBlockOf(recordCount, defaultBlock) : sorter.blocks(),
  };
}

/** The record count and encoding size from a file's metadata. */
async function readPromise(
  objects: Pick<ObjectStore, "find">,
  { path }: ExternalFile,
  maxRecords: number,
): Promise<{ readonly recordCount: number; readonly byteLength: number }> {
  const info = await objects.find(path);
  if (info === undefined) throw missingObject(path);
  const read = (key: string, max: number) => {
    const text = info.metadata[key];
    const value = Number(text);
    if (text !== undefined && /^\s*\d+\s*$/.test(text) && value >= 1 && value <= max) return value;
    const expected = `a whole number from 1 to ${max}`;
    const received = text === undefined ? ", but is missing" : "";
    const message = `The file's metadata ${key} must be ${expected}${received}.`;
    throw new ServiceError("invalid-request", message, { subject: `metadata ${key}`, expected });
  };
  return {
    recordCount: read("hash-count", maxRecords),
    byteLength: read("hash-size", MAX_BYTE_LENGTH),
  };
}

function expectMembers(...expected: readonly string[]): (member: string | undefined) => void {
  return (member) => {
    if (member !== undefined && expected.includes(member)) return;
    const message = `The file must have the key ${expected.join(" or ")}, not ${member ?? "an array"}.`;
    throw new ServiceError("invalid-request", message, { subject: "file" });
  };
}
