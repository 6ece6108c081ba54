/** The time as the columns have it: of UTC, whatever the server's time zone. */
export const NOW = "(now() AT TIME ZONE 'UTC')";

/** Reads a column of a time: milliseconds since 1970, or null. */
export function millisecondsOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::double precision`;
}

/** From {@link millisecondsOf}. Rows of the Python service may lack a time that they should have: the epoch then. */
export function toDate(milliseconds: number | null): Date {
  return new Date(milliseconds ?? 0);
}

export function toOptionalDate(milliseconds: number | null): Date | undefined {
  return milliseconds === null ? undefined : new Date(milliseconds);
}
