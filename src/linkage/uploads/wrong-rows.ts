import { InvalidRowsError, type LinkageError } from "../../core/errors.js";

/** Maximum number of invalid records listed in a response. */
const LISTED_ROWS = 10;

/** What is wrong with an upload; of several invalid records, lists the first ones by index with the reason. */
export function describeProblem(error: LinkageError): string {
  if (!(error instanceof InvalidRowsError) || error.invalidCount === 1) return error.message;
  const listed = error.rows.slice(0, LISTED_ROWS).map(({ row, reason }) => `row ${row} (${reason})`);
  const others = error.invalidCount - listed.length;
  return `Some rows are invalid: ${listed.join(", ")}${others > 0 ? `, and at least ${others} more` : ""}.`;
}
