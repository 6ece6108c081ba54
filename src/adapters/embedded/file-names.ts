import { ServiceError } from "../../linkage/errors.js";
import { checkObjectName } from "../../linkage/object-names.js";

/** The longest file name that most file systems support, in bytes. */
const MAX_FILE_NAME = 255;

const PLAIN = /^[A-Za-z0-9_.~-]$/;

/**
 * The name of an object's file on disk. Each UTF-8 byte of the object's name other than letters, digits and `_.~-` is
 * written as `%` and two hexadecimal digits. Slashes are escaped too, so that all files are in one folder, and one
 * object's name may be a prefix of another's. No file name begins with a dot.
 *
 * @throws ServiceError `invalid-arguments` for an invalid name, or one longer than 255 bytes when escaped
 */
export function toFileName(objectName: string): string {
  checkObjectName(objectName);
  let fileName = "";
  for (const byte of Buffer.from(objectName)) {
    const character = String.fromCharCode(byte);
    const isPlain = PLAIN.test(character) && !(fileName === "" && character === ".");
    fileName += isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  if (fileName.length <= MAX_FILE_NAME) return fileName;
  const message = `The name of a file has ${fileName.length} bytes on disk; the limit is ${MAX_FILE_NAME} bytes.`;
  throw new ServiceError("invalid-arguments", message, { subject: "name of a file" });
}

/** The name of the object in a file; `undefined` for a file that is not the store's. */
export function toObjectName(fileName: string): string | undefined {
  try {
    const objectName = decodeURIComponent(fileName);
    return toFileName(objectName) === fileName ? objectName : undefined;
  } catch {
    return undefined;
  }
}
