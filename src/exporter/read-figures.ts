/** Figures of the service, read through its API. */
export interface ServiceFigures {
  readonly projectCount: number;
  /** Comparisons per second over all completed runs; the service reports 1 if there are none. */
  readonly comparisonsPerSecond: number;
  readonly versions: ServiceVersions;
}

export interface ServiceVersions {
  readonly anonlink: string;
  readonly entityservice: string;
  readonly python: string;
}

/** Why no figures are available. */
export type FailureReason = "timeout" | "unreachable" | "refused" | "senseless";

export class NoFigures extends Error {
  override readonly name = "NoFigures";

  /** @param reason `refused`: a response with a status other than 200; `senseless`: one that cannot be interpreted */
  constructor(
    readonly reason: FailureReason,
    message: string,
  ) {
    super(message);
  }
}

/** Both responses have a few hundred bytes. */
const MAX_BODY_BYTES = 64 * 1024;
const MAX_VERSION_LENGTH = 100;

/**
 * Queries `/status` and `/version` of the REST API, which may also be the Python entity service's; they need no token.
 * Does not request the list of projects: it contains all of them, and `/status` counts them.
 *
 * @param apiUrl with `/api/v1`, without a trailing slash
 * @param signal aborts the queries as a timeout
 * @throws NoFigures
 */
export async function readFigures(apiUrl: string, signal: AbortSignal): Promise<ServiceFigures> {
  const [status, version] = await Promise.all([
    readAnswer(`${apiUrl}/status`, signal),
    readAnswer(`${apiUrl}/version`, signal),
  ]);
  if (status["status"] !== "ok") throw new NoFigures("senseless", "/status does not report the status ok.");
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
    if (signal.aborted) throw new NoFigures("timeout", `${path} did not answer in time.`);
    throw new NoFigures("unreachable", `${path} cannot be reached: ${causeOf(error)}.`);
  }
  if (status !== 200) throw new NoFigures("refused", `${path} answered with status ${status}, not 200.`);
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // reported below
  }
  throw new NoFigures("senseless", `${path} did not answer with a JSON object.`);
}

/** Reads a short body; gives up if it is too long. */
async function readText(response: Response, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  for await (const part of response.body ?? []) {
    byteLength += part.byteLength;
    if (byteLength > MAX_BODY_BYTES) {
      throw new NoFigures("senseless", `${path} answered with more than ${MAX_BODY_BYTES} bytes.`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function numberOf(body: Record<string, unknown>, key: string): number {
  const value = body[key];
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new NoFigures("senseless", `${key} must be a number of 0 or more.`);
}

function textOf(body: Record<string, unknown>, key: string): string {
  const value = body[key];
  if (typeof value === "string" && value.length <= MAX_VERSION_LENGTH) return value;
  throw new NoFigures("senseless", `${key} must be a string of up to ${MAX_VERSION_LENGTH} characters.`);
}

/** The cause of fetch's "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as NodeJS.ErrnoException)?.code;
  return code ?? (cause instanceof Error ? cause.message : String(cause));
}
