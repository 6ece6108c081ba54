/** What went wrong, as a stable word that a program can test for. */
export type ErrorCode =
  | "invalid-option" // an argument is outside its documented range
  | "invalid-dataset" // a data set as a whole does not fit (its shape, its length, its JSON)
  | "invalid-rows" // single rows of a data set are wrong: see InvalidRowsError
  | "mismatched-datasets" // data sets that do not fit each other
  | "invalid-candidate-file" // not a candidate file, or a damaged one
  | "invalid-candidates" // candidate pairs that no comparison could have made
  | "too-many-candidates" // a limit on candidate pairs was passed
  | "kernel-unavailable" // the kernel asked for cannot run here
  | "thread-failed"; // a thread stopped before its work was done

/**
 * Every error that this library throws on purpose. The message reads «what: expected …, got …» and never
 * holds a CLK, a block name or a token.
 */
export class LinkageError extends Error {
  override readonly name: string = "LinkageError";
  readonly code: ErrorCode;
  /** The value or the part of the input that is wrong, e.g. `threshold` or `row 7`. */
  readonly subject: string;
  readonly expected: string;
  readonly received: string;

  constructor(code: ErrorCode, subject: string, expected: string, received: string) {
    super(`${subject}: expected ${expected}, got ${received}`);
    this.code = code;
    this.subject = subject;
    this.expected = expected;
    this.received = received;
  }
}

/** One wrong row of a data set: its index, counted from 0, and why it cannot be used. */
export interface RowProblem {
  readonly row: number;
  readonly reason: string;
}

/** How many wrong rows an {@link InvalidRowsError} lists at most. */
export const MAX_ROW_PROBLEMS = 100;

/** Rows of a data set that cannot be used; `rows` holds the first 100, `invalidCount` counts all. */
export class InvalidRowsError extends LinkageError {
  override readonly name = "InvalidRowsError";
  readonly rows: readonly RowProblem[];
  readonly invalidCount: number;

  constructor(rows: readonly RowProblem[], invalidCount: number) {
    const first = rows[0];
    const others = invalidCount > 1 ? ` (and ${invalidCount - 1} more wrong rows)` : "";
    super("invalid-rows", `row ${first?.row ?? "?"}`, "a valid row", `${first?.reason ?? "?"}${others}`);
    this.rows = rows.slice(0, MAX_ROW_PROBLEMS);
    this.invalidCount = invalidCount;
  }
}

/** Says what a value is without showing it: its type, and its size where it has one. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean" || value === undefined) return String(value);
  if (typeof value === "string") return `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
