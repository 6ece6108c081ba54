import type { UploadOptions, UploadReceipt, UploadRequest, UploadStores } from "./upload-stores.js";

/**
 * Receives the JSON of an upload, rows or the names of external files, as it comes. Once it resolves, all is stored, or,
 * of external files, the task that reads them is sent.
 *
 * Rows that are all of one width that the project cannot use are accepted: the upload and the party are in error then,
 * and the project's runs fail.
 *
 * @param body UTF-8, cut anywhere; what it throws breaks the upload off
 * @throws ServiceError `forbidden` for a wrong token or project, a turn that is not the party's, blocks where the project
 *   has none or none where it has, files of another party; `invalid-request` for all else that cannot be used;
 *   `feature-disabled` for external files where those are not set up
 */
export declare function receiveJsonUpload(
  stores: UploadStores,
  options: UploadOptions,
  request: UploadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<UploadReceipt>;
