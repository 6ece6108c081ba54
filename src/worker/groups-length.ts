import type { Groups } from "../core/solve-greedy.js";

/** The largest jsonb array of PostgreSQL, in bytes. */
export const MOST_STORED_LENGTH = 2 ** 28 - 1;

/** Bytes of the groups as JSON, without spaces. */
export function groupsJsonLength({ starts, datasets, records }: Groups): number {
  // `[`, `,` and `]` of each group, and of each record, with the `,` between its two numbers.
  let byteLength = 2 + 3 * (starts.length - 1) + 4 * records.length;
  for (let i = 0; i < records.length; i++) byteLength += digits(datasets[i]!) + digits(records[i]!);
  return byteLength;
}

/** About the bytes of the groups as jsonb, and not less: each array has a header, each element an entry of 4 bytes. */
export function groupsStoredLength({ starts, records }: Groups): number {
  return 8 * (starts.length - 1) + (4 + 4 + 2 * 4 + 2 * 12) * records.length;
}

function digits(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest /= 10) count++;
  return count;
}
