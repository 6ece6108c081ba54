/** Dates as every line of Celery reads them: kombu 5.2 takes `.683Z` for 683 µs, so always six digits and an offset. */

/** `YYYY-MM-DDTHH:mm:ss.ffffff+00:00`. */
export function formatDate(date: Date): string {
  return date.toISOString().replace("Z", "000+00:00");
}

/**
 * Milliseconds since 1970 of an ISO date as Python writes it; one without an offset is in UTC, as Celery's are.
 * `undefined` for anything else.
 */
export function parseDate(value: unknown): number | undefined {
  if (typeof value !== "string") return undefined;
  const hasOffset = /(Z|[+-]\d\d:?\d\d)$/.test(value);
  const time = Date.parse(hasOffset ? value : `${value}Z`);
  return Number.isNaN(time) ? undefined : time;
}
