/** What went wrong with a task or a store, as a stable word that a program can test for. */
export type ServiceErrorCode =
  | "invalid-arguments" // a task was called with arguments that no caller of ours sends; a retry cannot help
  | "missing-encodings" // a block has no rows, or fewer than the range asked for begins at
  | "invalid-encodings" // stored encodings are not what was promised: their size, their order
  | "missing-object" // a file that should be in the object store is not there
  | "store-failed" // a store gave an answer that cannot be
  | "forbidden" // a wrong token, an unknown project or run, or a turn that is not (or no longer) the caller's
  | "invalid-request" // what the client sent cannot be used; the message says why
  | "not-ready" // a result that is not there yet
  | "run-failed" // a result that will never be there
  | "project-failed" // a project with an upload that cannot be used takes no runs
  | "feature-disabled"; // the operator has not set it up

/** As `LinkageError`: the message reads «what: expected …, got …» and never holds an encoding, a token or a password. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
  readonly code: ServiceErrorCode;
  /** The value or the thing that is wrong, e.g. `threshold` or `block 7`. */
  readonly subject: string;
  readonly expected: string;
  readonly received: string;

  constructor(code: ServiceErrorCode, subject: string, expected: string, received: string) {
    super(`${subject}: expected ${expected}, got ${received}`);
    this.code = code;
    this.subject = subject;
    this.expected = expected;
    this.received = received;
  }
}

/** Whether what failed so would fail again, however often it is tried. */
export function isPermanent(error: unknown): boolean {
  return error instanceof ServiceError && error.code === "invalid-arguments";
}
