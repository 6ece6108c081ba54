import { InvalidRowsError, type LinkageError } from "../../core/errors.js";

/** Maximum number of invalid records listed in a response. */
const LISTED_ROWS = 10;

/** What is wrong with an upload; of single invalid records, lists the first ones by index with the reason. */
export function describeRowProblems(
  error: LinkageError,
): Pick<LinkageError, "subject" | "expected" | "received"> {
  if (!(error instanceof InvalidRowsError)) return error;
  const listed = error.rows.slice(0, LISTED_ROWS).map(({ row, reason }) => `row ${row}: ${reason}`);
  const others = error.invalidCount - listed.length;
  const received = listed.join("; ") + (others > 0 ? `; and ${others} or more other wrong rows` : "");
  return { subject: "rows", expected: "sound rows of one width", received };
}
