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

/** What an error is about, for programs; each field is there where it makes sense. */
export interface ErrorDetails {
  /** The value or the part of the input that is wrong, such as `threshold` or `row 7`. */
  readonly subject?: string;
  /** What would have been right, such as `a number from 0 to 1`. */
  readonly expected?: string;
  /** What was there instead, without anything secret. */
  readonly received?: string;
}

/**
 * Every error that this library throws deliberately. The message is a sentence that says what is wrong and, where it
 * helps, what to do; it never contains a CLK, a block name or a token.
 *
 * @typeParam Code the codes of a program that has more of them than the library
 */
export class LinkageError<Code extends string = ErrorCode> extends Error implements ErrorDetails {
  override readonly name: string = "LinkageError";
  readonly code: Code;
  readonly subject?: string;
  readonly expected?: string;
  readonly received?: string;

  constructor(code: Code, message: string, details: ErrorDetails = {}) {
    super(message);
    this.code = code;
    Object.assign(this, details);
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
    const { row, reason } = rows[0] ?? { row: "?", reason: "?" };
    const all = invalidCount > 1 ? ` In all, ${invalidCount} rows are invalid.` : "";
    super("invalid-rows", `Row ${row} is invalid: ${reason}.${all}`, {
      subject: `row ${row}`,
      received: reason,
    });
    this.rows = rows.slice(0, MAX_ROW_PROBLEMS);
    this.invalidCount = invalidCount;
  }
}

/** Describes a value by its type and, if it has one, its size. Only numbers and booleans are shown themselves. */
export function describeValue(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean" || value === undefined) return String(value);
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** The error that `subject` must be `expected`, not `received`. */
export function wrongValue(
  code: ErrorCode,
  subject: string,
  expected: string,
  received: string,
): LinkageError {
  const message = `${subject} must be ${expected}, not ${received}.`;
  return new LinkageError(code, message, { subject, expected, received });
}

/** As {@link wrongValue}, for an option outside its range. */
export function invalidOption(name: string, expected: string, value: unknown): LinkageError {
  return wrongValue("invalid-option", name, expected, describeValue(value));
}
