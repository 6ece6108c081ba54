import { ServiceError } from "../../linkage/errors.js";
import { checkObjectName } from "../../linkage/object-names.js";

/** Most file systems take no longer names, in bytes. */
const MAX_FILE_NAME = 255;

const PLAIN = /^[A-Za-z0-9_.~-]$/;

/**
 * What the file is called on the disk that holds an object: the object's name with all but letters, digits and `_.~-`
 * as `%` and two digits of each UTF-8 byte, slashes too, so that all files are in one folder, and one object's name may
 * be the beginning of another's. None begins with a dot.
 *
 * @throws ServiceError `invalid-arguments` for a name that is none, or is longer than 255 bytes when written so
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
  const expected = `up to ${MAX_FILE_NAME} bytes, as the disk has it`;
  throw new ServiceError("invalid-arguments", "name of a file", expected, `${fileName.length}`);
}

/** The object that a file holds; `undefined` for a file that is none of the store's. */
export function toObjectName(fileName: string): string | undefined {
  try {
    const objectName = decodeURIComponent(fileName);
    return toFileName(objectName) === fileName ? objectName : undefined;
  } catch {
    return undefined;
  }
}
