import type { Groups } from "../core/solve-greedy.js";

/** The largest jsonb array that PostgreSQL can store, in bytes. */
export const MAX_STORED_LENGTH = 2 ** 28 - 1;

/** A close upper bound of the groups' bytes as jsonb: each array has a header, and each element a 4-byte entry. */
export function groupsStoredLength({ starts, records }: Groups): number {
  return 8 * (starts.length - 1) + (4 + 4 + 2 * 4 + 2 * 12) * records.length;
}
