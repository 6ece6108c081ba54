import { ServiceError } from "./errors.js";

/** Levels of lists and objects within each other that a value may have; a schema has fewer than 10. */
const MAX_DEPTH = 100;

/** The character 0, and halves of surrogate pairs: databases take neither in texts. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/**
 * Makes sure that a database can store a value that came as JSON.
 *
 * @param subject what an error calls it
 * @throws ServiceError `invalid-request`
 */
export function checkStorable(subject: string, value: unknown, depth = 0): void {
  if (typeof value === "string") {
    if (UNSTORABLE.test(value)) throw unstorable(subject, "text of whole characters", "one that is none");
    return;
  }
  if (typeof value !== "object" || value === null) return;
  if (depth === MAX_DEPTH) throw unstorable(subject, `at most ${MAX_DEPTH} levels`, "more");
  for (const [key, part] of Object.entries(value)) {
    checkStorable(subject, key);
    checkStorable(subject, part, depth + 1);
  }
}

function unstorable(subject: string, expected: string, received: string): ServiceError {
  return new ServiceError("invalid-request", subject, expected, received);
}
