import type { Access } from "./authorize.js";
import { accessDenied } from "./authorize.js";
import { ServiceError } from "./errors.js";
import type { SharedObjects, TemporaryCredentials } from "./object-store.js";

/** The address of objects that a client accesses directly, with credentials. */
export interface ObjectAddress {
  readonly credentials: TemporaryCredentials;
  readonly endpoint: string;
  readonly secure: boolean;
  readonly bucket: string;
  readonly path: string;
}

/**
 * Lets a party upload files to the bucket for uploads, below its own path.
 *
 * @param access of an update token
 * @param bucket `undefined` if it is not set up
 * @throws ServiceError `feature-disabled`
 */
export async function authorizeExternalUpload(
  bucket: SharedObjects | undefined,
  { project, party }: Access,
): Promise<ObjectAddress> {
  if (bucket === undefined) throw disabled("Uploads through an object store");
  if (party === undefined) throw accessDenied();
  const path = externalUploadPath(project.projectId, party.id);
  return addressOf(bucket, path, await bucket.uploadCredentials(path));
}

/** Lets a caller that may read a result download its file. Throws like {@link authorizeExternalUpload}. */
export async function authorizeDownload(
  bucket: SharedObjects | undefined,
  file: string,
): Promise<ObjectAddress> {
  if (bucket === undefined) throw disabled("Downloads from an object store");
  return addressOf(bucket, file, await bucket.downloadCredentials(file));
}

/** The path of a party's files, without a trailing slash. */
export function externalUploadPath(projectId: string, dataproviderId: number): string {
  return `${projectId}/${dataproviderId}`;
}

/** The error for features, in the plural, that are not set up; callers check this before any token. */
export function disabled(features: string): ServiceError {
  return new ServiceError("feature-disabled", `${features} are not configured on this server.`);
}

function addressOf(
  { endpoint, secure, bucket }: SharedObjects,
  path: string,
  credentials: TemporaryCredentials,
): ObjectAddress {
  return { credentials, endpoint, secure, bucket, path };
}
