/** Dates that every release line of Celery reads: six digits and an offset, as kombu 5.2 takes `.683Z` for 683 µs. */

const ISO_DATE = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?$/;

/** Whether a day exists: `Date.parse` takes February 31 for March 3. */
function isDay(day: string): boolean {
  const time = Date.parse(day);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}

/** `YYYY-MM-DDTHH:mm:ss.ffffff+00:00`. */
export function formatDate(date: Date): string {
  return date.toISOString().replace("Z", "000+00:00");
}

/**
 * Milliseconds since 1970 of an ISO date in Python's format. A date without an offset is in UTC, as in Celery.
 * `undefined` for anything else.
 */
export function parseDate(value: unknown): number | undefined {
  const parts = typeof value === "string" ? ISO_DATE.exec(value) : null;
  if (parts === null || !isDay(parts[1]!)) return undefined;
  const [, day, minute = "00:00", second = "", fraction = "", offset = "Z"] = parts;
  const time = Date.parse(`${day}T${minute}${second || ":00"}${fraction.slice(0, 4)}${offset}`);
  return Number.isNaN(time) ? undefined : time;
}
