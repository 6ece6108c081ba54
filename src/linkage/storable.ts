import { ServiceError } from "./errors.js";

/** Maximum nesting of lists and objects in a value; a schema has fewer than 10 levels. */
const MAX_DEPTH = 100;

/** The NUL character and unpaired surrogates: databases accept neither in strings. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/**
 * Checks that a database can store a value parsed from JSON.
 *
 * @param subject the name of the value in errors
 * @throws ServiceError `invalid-request`
 */
export function checkStorable(subject: string, value: unknown, depth = 0): void {
  if (typeof value === "string") {
    if (UNSTORABLE.test(value)) throw unstorable(subject, "free of null characters and unpaired surrogates");
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (depth === MAX_DEPTH) throw unstorable(subject, `nested at most ${MAX_DEPTH} levels deep`);
  for (const [key, part] of Object.entries(value)) {
    checkStorable(subject, key);
    checkStorable(subject, part, depth + 1);
  }
}

function unstorable(subject: string, expected: string): ServiceError {
  return new ServiceError("invalid-request", `${subject} must be ${expected}.`, { subject, expected });
}
