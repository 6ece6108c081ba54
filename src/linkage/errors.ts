import { LinkageError } from "../core/errors.js";

/** What went wrong with a task or a store, as a stable code that a program can test for. */
export type ServiceErrorCode =
  | "invalid-arguments" // a task was called with arguments that no caller of ours sends; a retry cannot help
  | "missing-encodings" // a block has no records, or ends before the requested range
  | "invalid-encodings" // stored encodings do not have the promised size or order
  | "missing-object" // a file is missing from the object store
  | "store-failed" // a store gave an impossible response
  | "forbidden" // a wrong token, an unknown project or run, or an upload slot that is not (or no longer) the caller's
  | "invalid-request" // the client's request cannot be used; the message says why
  | "not-ready" // a result that does not exist yet
  | "run-failed" // a result that will never exist
  | "project-failed" // a project with an unusable upload accepts no runs
  | "feature-disabled"; // the operator has not set it up

/** A `LinkageError` of the service or a worker; its message has no encoding, token or password. */
export class ServiceError extends LinkageError<ServiceErrorCode> {
  override readonly name = "ServiceError";
}

/** Whether the same failure would recur on every retry: invalid arguments never succeed. */
export function isPermanent(error: unknown): boolean {
  return error instanceof ServiceError && error.code === "invalid-arguments";
}
