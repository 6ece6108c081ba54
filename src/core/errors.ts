/** A stable error code that programs can test for. */
export type ErrorCode =
  | "invalid-option" // an argument is outside its documented range
  | "invalid-dataset" // a data set as a whole is invalid (its shape, length or JSON)
  | "invalid-rows" // individual rows of a data set are invalid: see InvalidRowsError
  | "mismatched-datasets" // data sets that cannot be compared with each other
  | "invalid-candidate-file" // not a candidate file, or a damaged one
  | "invalid-candidates" // candidate pairs that no comparison could have produced
  | "too-many-candidates" // a limit on candidate pairs was exceeded
  | "kernel-unavailable" // the requested kernel cannot run here
  | "thread-failed"; // a thread stopped before its work was done

/**
 * Every error that this library throws deliberately. The message reads "subject: expected …, got …" and never contains
 * a CLK, a block name or a token.
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

/** An invalid row of a data set: its index, counted from 0, and why it cannot be used. */
export interface RowProblem {
  readonly row: number;
  readonly reason: string;
}

/** Maximum number of invalid rows that an {@link InvalidRowsError} lists. */
export const MAX_ROW_PROBLEMS = 100;

/** Rows of a data set that cannot be used: `rows` lists the first 100, `invalidCount` counts all. */
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

/** Describes a value by its type and, if it has one, its size. Only numbers and booleans are shown themselves. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean" || value === undefined) return String(value);
  if (typeof value === "string") return `a text of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
