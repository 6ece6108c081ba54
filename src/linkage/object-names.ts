import { ServiceError } from "./errors.js";

/** The limit of S3. */
const MAX_NAME_BYTES = 1024;

/**
 * Checks the name of a file: up to 1,024 bytes of UTF-8, in parts separated by slashes. No part may be empty, `.` or
 * `..`; backslashes and control characters are not allowed.
 *
 * @throws ServiceError `invalid-arguments`
 */
export function checkObjectName(name: string): void {
  if (name === "" || Buffer.byteLength(name) > MAX_NAME_BYTES || /\p{Surrogate}/u.test(name)) {
    throw wrongName(`text of 1 to ${MAX_NAME_BYTES} bytes`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be rejected
  if (/[\\\u0000-\u001f\u007f]/.test(name)) throw wrongName("no backslash and no control character");
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw wrongName("parts between slashes that are not empty, . or ..");
  }
}

/** The error for a file that should exist but does not. */
export function missingObject(name: string): ServiceError {
  return new ServiceError("missing-object", placeOf(name), "to be there", "nothing");
}

/** Identifies a file in an error by its folder alone, because names may contain a token. */
export function placeOf(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? "a file" : `a file in ${name.slice(0, slash)}/`;
}

function wrongName(expected: string): ServiceError {
  return new ServiceError("invalid-arguments", "name of a file", expected, "another text");
}
