import type { Groups } from "../core/solve-greedy.js";

/** The largest jsonb array of PostgreSQL, in bytes. */
export const MOST_STORED_LENGTH = 2 ** 28 - 1;

/** About the bytes of the groups as jsonb, and not less: each array has a header, each element an entry of 4 bytes. */
export function groupsStoredLength({ starts, records }: Groups): number {
  return 8 * (starts.length - 1) + (4 + 4 + 2 * 4 + 2 * 12) * records.length;
}
