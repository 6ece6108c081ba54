import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../python-environment.js";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The Celery release lines for entity_service: the one that the original pins, a later one, and the newest. */
export type FleetLine = "oldest" | "5.2" | "newest";

/** Path of the Python in a line's virtual environment. */
export function fleetPython(line: FleetLine): string {
  return join(pythonEnvironment(join(here, `requirements-${line}.txt`), `fleet-${line}`), "python");
}
