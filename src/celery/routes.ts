/** Where tasks go by their names: a name or a pattern with `*`, and the queue. */
export type Routes = readonly (readonly [pattern: string, queue: string])[];

/**
 * Reads the setting `CELERY_ROUTES`: `{"tasks.a": {"queue": "x"}, "tasks.*": "y"}` or a list of pairs, in JSON or as
 * Python writes it (single quotes, tuples, None).
 *
 * @throws TypeError in one sentence
 */
export function parseRoutes(text: string): Routes {
  if (text.trim() === "") return [];
  return routesOf(parseLiteral(text));
}

/** Routes of a value, such as parsed JSON. */
export function routesOf(value: unknown): Routes {
  if (Array.isArray(value)) {
    // A list of pairs, or of dicts as Celery also takes it.
    const isPair = (item: unknown) => Array.isArray(item) && item.length === 2 && typeof item[0] === "string";
    if (value.every(isPair)) return value.map(([pattern, target]) => routeOf(pattern as string, target));
    return value.flatMap((item) => routesOf(item));
  }
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).map(([pattern, target]) => routeOf(pattern, target));
  }
  throw new TypeError('CELERY_ROUTES: expected {"task": {"queue": "name"}, …}');
}

function routeOf(pattern: string, target: unknown): readonly [string, string] {
  const queue =
    typeof target === "object" && target !== null
      ? ((target as Record<string, unknown>)["queue"] ?? (target as Record<string, unknown>)["routing_key"])
      : target;
  if (typeof queue !== "string")
    throw new TypeError(`CELERY_ROUTES: expected a queue for ${pattern.slice(0, 80)}`);
  return [pattern, queue];
}

/** The queue of a task: an exact name first, then the first pattern that fits. */
export function queueFor(routes: Routes, task: string): string | undefined {
  const exact = routes.find(([pattern]) => pattern === task);
  const found = exact ?? routes.find(([pattern]) => pattern.includes("*") && fits(pattern, task));
  return found?.[1];
}

function fits(pattern: string, task: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(task);
}

/** Reads JSON or Python's literals: dicts, lists, tuples, texts, numbers, True, False, None. */
function parseLiteral(text: string): unknown {
  const json = text.replace(
    /'((?:[^'\\]|\\.)*)'|"(?:[^"\\]|\\.)*"|\b(?:None|True|False)\b|[()]|,\s*(?=[)\]}])/g,
    (token, single: string | undefined) => {
      if (single !== undefined) return JSON.stringify(single.replace(/\\'/g, "'"));
      return LITERALS[token] ?? (token.startsWith('"') ? token : "");
    },
  );
  try {
    return JSON.parse(json);
  } catch {
    throw new TypeError(
      `CELERY_ROUTES: expected JSON or a Python literal such as {'task': {'queue': 'name'}}`,
    );
  }
}

const LITERALS: Readonly<Record<string, string>> = {
  None: "null",
  True: "true",
  False: "false",
  "(": "[",
  ")": "]",
};
