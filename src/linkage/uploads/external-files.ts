import { describeValue } from "../../core/errors.js";
import { ServiceError } from "../errors.js";
import { externalUploadPath } from "../external-upload.js";
import { checkObjectName } from "../object-names.js";

/** The longest body that may name files, in bytes. */
export const MAX_NAMES_LENGTH = 1 << 14;

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
 * Parses a body that names files instead of containing records: `{"encodings": {"file": {"bucket", "path"}}, "blocks"?:
 * {"file": …}}`. Other members, such as credentials, are ignored.
 *
 * @param body UTF-8
 * @returns `undefined` if it does not name files
 * @throws ServiceError `invalid-request`
 */
export function readExternalFiles(body: Uint8Array): ExternalFiles | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined; // the reader of records reports where the error is
  }
  const [encodings, blocks] = [property(value, "encodings"), property(value, "blocks")];
  const namesFiles = isObject(encodings) || (isObject(blocks) && Object.hasOwn(blocks, "file"));
  if (!namesFiles) return undefined;
  return {
    encodings: readFile("encodings", encodings),
    blocks: blocks === undefined ? undefined : readFile("blocks", blocks),
  };
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

function readFile(key: string, value: unknown): ExternalFile {
  const file = property(value, "file");
  const bucket = property(file, "bucket");
  const path = property(file, "path");
  if (typeof bucket === "string" && typeof path === "string") return { bucket, path };
  const expected = '{"file": {"bucket": string, "path": string}}';
  const received = describeValue(value);
  const message = `If an upload is in files, ${key} must be ${expected}.`;
  throw new ServiceError("invalid-request", message, { subject: key, expected, received });
}

function property(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
