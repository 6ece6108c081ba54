import { ServiceError } from "../errors.js";
import type { ObjectStore } from "../object-store.js";
import { createBlockSorter, readJsonRows } from "./read-json-rows.js";
import {
  type AcceptedUpload,
  type AcceptedUploadOptions,
  type AcceptedUploadStores,
  storeUpload,
} from "./store-upload.js";

/** Where the Python API stores the JSON of an upload. */
export function quarantineFile(receiptToken: string): string {
  return `quarantine/${receiptToken}.txt`;
}

/** Stores an upload that the Python API has put into the object store: `{"clknblocks": [[base64, block, …], …]}`. */
export async function storeRawUpload(
  stores: AcceptedUploadStores & { readonly objects: Pick<ObjectStore, "get" | "remove"> },
  options: AcceptedUploadOptions,
  upload: AcceptedUpload,
  signal?: AbortSignal,
): Promise<void> {
  const { limits, sorting } = options;
  const file = quarantineFile(upload.receiptToken);
  const sorter = createBlockSorter(sorting, limits.maxBlocksPerRow);
  const checkMember = (member: string | undefined) => {
    if (member === "clknblocks") return;
    const message = "A raw upload must be an object with the key clknblocks.";
    throw new ServiceError("invalid-request", message, { subject: "raw upload" });
  };
  try {
    await storeUpload(
      stores,
      options,
      upload,
      async (rows) => {
        const source = stores.objects.get(file, undefined, signal);
        const read = await readJsonRows(source, { ...limits, checkMember }, sorter, rows.take);
        return { ...read, blocks: sorter.blocks() };
      },
      () => stores.objects.remove([file]),
    );
  } finally {
    await sorter.close();
  }
}
