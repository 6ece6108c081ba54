import { ConfigError, type Environment, readText } from "./setting-readers.js";

/** Which queue the tasks of a name go to; a name may hold `*` for any characters. */
export type TaskRoutes = Readonly<Record<string, { readonly queue: string }>>;

/** Where the Python entity service sends its tasks; all others go to the default queue. */
export const DEFAULT_TASK_ROUTES: TaskRoutes = {
  "entityservice.tasks.comparing.create_comparison_jobs": { queue: "celery" },
  "entityservice.tasks.comparing.compute_filter_similarity": { queue: "compute" },
  "entityservice.tasks.comparing.aggregate_comparisons": { queue: "highmemory" },
  "entityservice.tasks.solver.solver_task": { queue: "highmemory" },
  "entityservice.tasks.permutation.save_and_permute": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.pull_external_data": { queue: "highmemory" },
  "entityservice.tasks.encoding_uploading.handle_raw_upload": { queue: "celery" },
};

/**
 * Reads routes, `{task name: {queue: name}}`, as JSON or as the Python literal that the Python service takes: quotes
 * of either kind, commas behind the last item. Other keys of a route are ignored.
 *
 * @throws ConfigError
 */
export function readTaskRoutes(env: Environment, variable: string): TaskRoutes {
  const text = readText(env, variable, "");
  if (text === "") return DEFAULT_TASK_ROUTES;
  const wrong = (received: string) => new ConfigError(variable, "{task name: {'queue': name}}", received);
  let value: unknown;
  try {
    value = JSON.parse(toJson(text));
  } catch {
    throw wrong(`a text of ${text.length} characters that is neither JSON nor a Python dict`);
  }
  if (!isObject(value)) throw wrong("another value");
  const routes: Record<string, { queue: string }> = {};
  for (const [task, route] of Object.entries(value)) {
    const queue = isObject(route) ? route["queue"] : undefined;
    if (typeof queue !== "string" || queue === "") throw wrong(`no queue for ${task.slice(0, 100)}`);
    routes[task] = { queue };
  }
  return routes;
}

/** Rewrites the texts of a Python literal, and drops commas before a closing bracket; JSON stays as it is. */
function toJson(text: string): string {
  const tokens = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|,(?=\s*[}\]])/g;
  return text.replace(tokens, (token) => {
    if (token === ",") return "";
    if (token.startsWith('"')) return token;
    return `"${token.slice(1, -1).replaceAll("\\'", "'").replaceAll('"', '\\"')}"`;
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
