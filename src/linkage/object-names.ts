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
    throw wrongName(`have 1 to ${MAX_NAME_BYTES} bytes of UTF-8`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be rejected
  if (/[\\\u0000-\u001f\u007f]/.test(name)) throw wrongName("not contain backslashes or control characters");
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw wrongName("not have a part between slashes that is ., .. or empty");
  }
}

/** The error for a file that should exist but does not. */
export function missingObject(name: string): ServiceError {
  return new ServiceError("missing-object", `Missing from the object store: ${placeOf(name)}.`);
}

/** Identifies a file in an error by its folder alone, because names may contain a token. */
export function placeOf(name: string): string {
  const slash = name.indexOf("/");
  return slash < 0 ? "a file" : `a file in ${name.slice(0, slash)}/`;
}

function wrongName(rule: string): ServiceError {
  return new ServiceError("invalid-arguments", `A file name must ${rule}.`, { subject: "file name" });
}
