/** What the service says of itself, read from outside. */
export interface ServiceFigures {
  readonly projectCount: number;
  /** Comparisons per second over all completed runs; the service tells 1 as long as there is none. */
  readonly comparisonsPerSecond: number;
  readonly versions: ServiceVersions;
}

export interface ServiceVersions {
  readonly anonlink: string;
  readonly entityservice: string;
  readonly python: string;
}

/** Why there are no figures. */
export type FailureReason = "timeout" | "unreachable" | "refused" | "senseless";

export class NoFigures extends Error {
  override readonly name = "NoFigures";

  /** @param reason `refused`: an answer with another status than 200; `senseless`: one that cannot be understood */
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}

/** Both answers are a few hundred bytes long. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_VERSION_LENGTH = 100;

/**
 * Asks the REST API, which may be the Python entity service's as well: `/status` and `/version`, which need no token. The
 * list of projects is not asked for: it has all of them, and `/status` counts them.
 *
 * @param apiUrl with `/api/v1`, without a slash at the end
 * @param signal ends it as a timeout
 * @throws NoFigures
 */
export async function readFigures(apiUrl: string, signal: AbortSignal): Promise<ServiceFigures> {
  const [status, version] = await Promise.all([
    readAnswer(`${apiUrl}/status`, signal),
    readAnswer(`${apiUrl}/version`, signal),
  ]);
  if (status["status"] !== "ok") throw new NoFigures("senseless", "/status: expected the status ok");
  return {
    projectCount: numberOf(status, "project_count"),
    comparisonsPerSecond: numberOf(status, "rate"),
    versions: {
      anonlink: textOf(version, "anonlink"),
      entityservice: textOf(version, "entityservice"),
      python: textOf(version, "python"),
    },
  };
}

async function readAnswer(url: string, signal: AbortSignal): Promise<Record<string, unknown>> {
  const path = new URL(url).pathname;
  let status: number;
  let body: string;
  try {
    const response = await fetch(url, { signal, headers: { "User-Agent": "anonlink-wasm-exporter" } });
    status = response.status;
    body = await readText(response, path);
  } catch (error) {
    if (error instanceof NoFigures) throw error;
    if (signal.aborted) throw new NoFigures("timeout", `${path}: no answer in time`);
    throw new NoFigures("unreachable", `${path}: ${causeOf(error)}`);
  }
  if (status !== 200) throw new NoFigures("refused", `${path}: expected 200, got ${status}`);
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new NoFigures("senseless", `${path}: expected a JSON object`);
}

/** Reads a short body; one that does not end is given up. */
async function readText(response: Response, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  for await (const part of response.body ?? []) {
    byteLength += part.byteLength;
    if (byteLength > MAX_BODY_BYTES) {
      throw new NoFigures("senseless", `${path}: expected a short answer, got over ${MAX_BODY_BYTES} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function numberOf(body: Record<string, unknown>, key: string): number {
  const value = body[key];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new NoFigures("senseless", `${key}: expected a number of 0 or more`);
}

function textOf(body: Record<string, unknown>, key: string): string {
  const value = body[key];
  if (typeof value === "string" && value.length <= MAX_VERSION_LENGTH) return value;
  throw new NoFigures("senseless", `${key}: expected a text of up to ${MAX_VERSION_LENGTH} characters`);
}

/** What fetch hides behind «fetch failed». */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as NodeJS.ErrnoException)?.code;
  return code ?? (cause instanceof Error ? cause.message : String(cause));
}
