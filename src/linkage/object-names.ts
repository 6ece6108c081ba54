import { ServiceError } from "./errors.js";

/** As S3 has it. */
const MAX_NAME_BYTES = 1024;

/**
 * Checks the name of a file: parts between slashes, none of which is empty, `.` or `..`, without backslashes and control
 * characters; up to 1,024 bytes of UTF-8.
 *
 * @throws ServiceError `invalid-arguments`
 */
export function checkObjectName(name: string): void {
  if (name === "" || Buffer.byteLength(name) > MAX_NAME_BYTES || /\p{Surrogate}/u.test(name)) {
    throw wrongName(`text of 1 to ${MAX_NAME_BYTES} bytes`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (/[\\\u0000-\u001f\u007f]/.test(name)) throw wrongName("no backslash and no control character");
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw wrongName("parts between slashes that are not empty, . or ..");
  }
}

/** @throws what is thrown where a file should be and is not */
export function missingObject(name: string): ServiceError {
  return new ServiceError("missing-object", placeOf(name), "to be there", "nothing");
}

/** Names a file in an error by its folder alone, since names may hold a token. */
export function placeOf(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? "a file" : `a file in ${name.slice(0, slash)}/`;
}

function wrongName(expected: string): ServiceError {
  return new ServiceError("invalid-arguments", "name of a file", expected, "another text");
}
