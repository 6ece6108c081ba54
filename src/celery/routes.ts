import { cutText } from "./cut-text.js";
import { parseLiteral } from "./python-literal.js";

/** Maps task names to queues: a name, or a pattern with `*`, and the queue. */
export type Routes = readonly (readonly [pattern: string, queue: string])[];

/**
 * Parses the setting `CELERY_ROUTES`: `{"tasks.a": {"queue": "x"}, "tasks.*": "y"}` or a list of pairs, in JSON or in
 * Python's syntax (single quotes, tuples, None).
 *
 * @throws TypeError with a one-sentence message
 */
export function parseRoutes(text: string): Routes {
  if (text.trim() === "") return [];
  let value: unknown;
  try {
    value = parseLiteral(text);
  } catch {
    throw new TypeError(
      "CELERY_ROUTES must be JSON or a Python literal such as {'task': {'queue': 'name'}}.",
    );
  }
  return routesOf(value);
}

/** The routes in a value, such as parsed JSON. */
export function routesOf(value: unknown): Routes {
  if (Array.isArray(value)) {
    // A list of pairs, or of dicts, which Celery accepts too.
    const isPair = (item: unknown) => Array.isArray(item) && item.length === 2 && typeof item[0] === "string";
    if (value.every(isPair)) return value.map(([pattern, target]) => routeOf(pattern as string, target));
    return value.flatMap((item) => routesOf(item));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([pattern, target]) => routeOf(pattern, target));
  }
  throw new TypeError('CELERY_ROUTES must be an object such as {"task": {"queue": "name"}}.');
}

function routeOf(pattern: string, target: unknown): readonly [string, string] {
  const queue =
    typeof target === "object" && target !== null
      ? ((target as Record<string, unknown>)["queue"] ?? (target as Record<string, unknown>)["routing_key"])
      : target;
  if (typeof queue !== "string")
    throw new TypeError(`CELERY_ROUTES has no queue for ${cutText(pattern, 80)}.`);
  return [pattern, queue];
}

/** The queue of a task: an exact name first, then the first pattern that matches. */
export function queueFor(routes: Routes, task: string): string | undefined {
  const exact = routes.find(([pattern]) => pattern === task);
  const found = exact ?? routes.find(([pattern]) => pattern.includes("*") && fits(pattern, task));
  return found?.[1];
}

function fits(pattern: string, task: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(task);
}
