import type { Access } from "./authorize.js";
import { accessDenied } from "./authorize.js";
import { ServiceError } from "./errors.js";
import type { SharedObjects, TemporaryCredentials } from "./object-store.js";

/** Where, and with what, a client reaches a bucket itself. */
export interface ObjectAddress {
  readonly credentials: TemporaryCredentials;
  readonly endpoint: string;
  readonly secure: boolean;
  readonly bucket: string;
  readonly path: string;
}

/**
 * Lets a party put files into the bucket for uploads, below a path of its own.
 *
 * @param access of an update token
 * @param bucket `undefined` where that is not set up
 * @throws ServiceError `feature-disabled`
 */
export async function authorizeExternalUpload(
  bucket: SharedObjects | undefined,
  { project, party }: Access,
): Promise<ObjectAddress> {
  if (bucket === undefined) throw disabled("uploads by way of an object store");
  if (party === undefined) throw accessDenied();
  const path = externalUploadPath(project.projectId, party.id);
  return addressOf(bucket, path, await bucket.uploadCredentials(path));
}

/** Lets whoever may read a result fetch its file. Errors as in {@link authorizeExternalUpload}. */
export async function authorizeDownload(
  bucket: SharedObjects | undefined,
  file: string,
): Promise<ObjectAddress> {
  if (bucket === undefined) throw disabled("downloads from an object store");
  return addressOf(bucket, file, await bucket.downloadCredentials(file));
}

/** The folder of a party's files, without a slash at its end. */
export function externalUploadPath(projectId: string, dataproviderId: number): string {
  return `${projectId}/${dataproviderId}`;
}

/** Whether this service can do it at all, to be asked before tokens are. */
export function disabled(feature: string): ServiceError {
  return new ServiceError("feature-disabled", feature, "a set-up by the operator", "none");
}

function addressOf(
  { endpoint, secure, bucket }: SharedObjects,
  path: string,
  credentials: TemporaryCredentials,
): ObjectAddress {
  return { credentials, endpoint, secure, bucket, path };
}
