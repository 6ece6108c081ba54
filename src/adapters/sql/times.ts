/** The current time in the columns' format: UTC, whatever the server's time zone. */
export const NOW = "(now() AT TIME ZONE 'UTC')";

/** Reads a time column: milliseconds since 1970, or null. */
export function millisecondsOf(column: string): string {
  return `(extract(epoch FROM ${column}) * 1000)::double precision`;
}

/** Converts from {@link millisecondsOf}. Rows of the Python service may lack a required time; it becomes the epoch. */
export function toDate(milliseconds: number | null): Date {
  return new Date(milliseconds ?? 0);
}

export function toOptionalDate(milliseconds: number | null): Date | undefined {
  return milliseconds === null ? undefined : new Date(milliseconds);
}
