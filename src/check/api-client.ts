import { setTimeout as pause } from "node:timers/promises";
import { Answer } from "./answer.js";
import { CheckFailed } from "./expectations.js";

export interface ApiRequest {
  readonly token?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** How long one request may take, including its response. */
const REQUEST_MS = 120_000;
/** How long a request is retried while the service reports that it is overloaded. */
const BUSY_MS = 120_000;
const BUSY_PAUSE_MS = { first: 250, most: 5000, factor: 2 };

/** A client of the REST API that tolerates overload: a request that gets 503 is retried after a pause. */
export class ApiClient {
  /**
   * @param apiUrl with `/api/v1`, without a trailing slash
   * @param signal aborts all requests
   */
  constructor(
    readonly apiUrl: string,
    private readonly signal: AbortSignal,
  ) {}

  /** The same client, aborted by another signal. */
  endedBy(signal: AbortSignal): ApiClient {
    return new ApiClient(this.apiUrl, signal);
  }

  /**
   * @param path below `/api/v1`, with a leading slash
   * @throws CheckFailed if there is no response, or repeatedly 503; the signal's reason
   */
  async request(method: string, path: string, request: ApiRequest = {}): Promise<Answer> {
    const end = Date.now() + BUSY_MS;
    for (let ms = BUSY_PAUSE_MS.first; ; ms = Math.min(BUSY_PAUSE_MS.most, ms * BUSY_PAUSE_MS.factor)) {
      const answer = await this.#send(method, path, request);
      if (answer.status !== 503) return answer;
      const wait = Math.max(ms, pauseOf(answer)) * (1 + 0.2 * Math.random()); // so clients do not all retry at once
      if (Date.now() + wait > end) {
        throw new CheckFailed(`${answer.request}: answered with 503 for ${BUSY_MS / 1000} seconds`);
      }
      await pause(wait, undefined, { signal: this.signal }).catch(() => this.signal.throwIfAborted());
    }
  }

  get(path: string, token?: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.request("GET", path, { token, headers });
  }

  post(path: string, json: unknown, token?: string): Promise<Answer> {
    return this.request("POST", path, { json, token });
  }

  delete(path: string, token?: string): Promise<Answer> {
    return this.request("DELETE", path, { token });
  }

  async #send(
    method: string,
    path: string,
    { token, json, body, headers = {} }: ApiRequest,
  ): Promise<Answer> {
    this.signal.throwIfAborted();
    const name = `${method} ${path}`;
    const late = AbortSignal.timeout(REQUEST_MS);
    try {
      const response = await fetch(this.apiUrl + path, {
        method,
        headers: {
          "User-Agent": "anonlink-wasm-check",
          ...(token === undefined ? {} : { Authorization: token }),
          ...(json === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        body: json === undefined ? ((body as BodyInit | undefined) ?? null) : JSON.stringify(json),
        signal: AbortSignal.any([this.signal, late]),
      });
      return new Answer(name, response.status, response.headers, await response.text());
    } catch (error) {
      this.signal.throwIfAborted();
      if (late.aborted) throw new CheckFailed(`${name}: no answer in ${REQUEST_MS / 1000} seconds`);
      throw new CheckFailed(`${name}: ${causeOf(error)}`);
    }
  }
}

/** How long the service asks to wait, in milliseconds, up to our maximum. */
function pauseOf({ headers }: Answer): number {
  const seconds = Number(headers.get("retry-after") ?? 0);
  return Number.isFinite(seconds) ? Math.min(BUSY_PAUSE_MS.most, Math.max(0, 1000 * seconds)) : 0;
}

/** The cause of fetch's "fetch failed". */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return (cause as NodeJS.ErrnoException)?.code ?? (cause instanceof Error ? cause.message : String(cause));
}
