import { describeValue } from "../../core/errors.js";
import { ServiceError } from "../errors.js";
import { externalUploadPath } from "../external-upload.js";
import { checkObjectName } from "../object-names.js";
import { KEPT_LENGTH } from "./resumable-body.js";

/** A file that a party has stored in the bucket for uploads. */
export interface ExternalFile {
  readonly bucket: string;
  readonly path: string;
}

export interface ExternalFiles {
  readonly encodings: ExternalFile;
  readonly blocks: ExternalFile | undefined;
}

/**
 * Parses a body that names files: `{"encodings": {"file": {"bucket", "path"}}, "blocks"?: {"file": …}}`. Other members,
 * such as credentials, are ignored.
 *
 * @param body UTF-8; `undefined` if it is longer than {@link KEPT_LENGTH}
 * @throws ServiceError `invalid-request`
 */
export function readExternalFiles(body: Uint8Array | undefined): ExternalFiles {
  if (body === undefined) {
    const message = `A body that names files must have at most ${KEPT_LENGTH} bytes.`;
    throw new ServiceError("invalid-request", message, { subject: "body" });
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw new ServiceError("invalid-request", "The body must be JSON.", { subject: "body" });
  }
  const encodings = readFile(value, "encodings");
  const hasBlocks = Object.hasOwn(value as object, "blocks");
  return { encodings, blocks: hasBlocks ? readFile(value, "blocks") : undefined };
}

/**
 * Checks that files are below the party's own path, so that it cannot have other files read or removed.
 *
 * @throws ServiceError `forbidden`
 */
export function checkExternalFiles(
  files: readonly ExternalFile[],
  bucket: string,
  projectId: string,
  dataproviderId: number,
): void {
  // The slash matters: party 1's path is a prefix of party 12's.
  const folder = `${externalUploadPath(projectId, dataproviderId)}/`;
  for (const { bucket: given, path } of files) {
    if (given === bucket && path.startsWith(folder) && isName(path)) continue;
    const message = "Access denied: files must be in the bucket for uploads, below the party's own path.";
    throw new ServiceError("forbidden", message);
  }
}

function isName(path: string): boolean {
  try {
    checkObjectName(path);
    return true;
  } catch {
    return false;
  }
}

function readFile(value: unknown, key: string): ExternalFile {
  const file = property(property(value, key), "file");
  const bucket = property(file, "bucket");
  const path = property(file, "path");
  if (typeof bucket === "string" && typeof path === "string") return { bucket, path };
  const expected = '{"file": {"bucket": string, "path": string}}';
  const received = describeValue(property(value, key));
  const message = `If an upload is in files, ${key} must be ${expected}, not ${received}.`;
  throw new ServiceError("invalid-request", message, { subject: key, expected, received });
}

function property(value: unknown, key: string): unknown {
  const isObject = typeof value === "object" && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<string, unknown>)[key] : undefined;
}
