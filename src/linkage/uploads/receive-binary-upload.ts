import type { BinaryUploadRequest, UploadOptions, UploadReceipt, UploadStores } from "./upload-stores.js";

/**
 * Receives rows of plain bytes, as they come. Once it resolves, all of them are stored.
 *
 * @param body `hashCount × hashSize` bytes, cut anywhere; what it throws breaks the upload off
 * @throws ServiceError `forbidden` for a wrong token or project, a turn that is not the party's, or a project with
 *   blocks; `invalid-request` for all else that cannot be used
 */
export declare function receiveBinaryUpload(
  stores: UploadStores,
  options: UploadOptions,
  request: BinaryUploadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadReceipt>;
