import { setTimeout as pause } from "node:timers/promises";

/** The time limit of a test's run; test machines may be busy. */
const RUN_TIMEOUT_MS = 600_000;
/** Increasing delays between polls, so that waiting tests do not keep the service busy. */
const POLL_MS = { first: 20, last: 400, factor: 1.3 };

export type ResultType = "groups" | "permutations" | "similarity_scores";

export interface NewProject {
  readonly project_id: string;
  readonly update_tokens: readonly string[];
  readonly result_token: string;
}

export interface ProjectDescription {
  readonly project_id: string;
  readonly result_type: ResultType;
  readonly schema: unknown;
  readonly name: string;
  readonly notes: string;
  readonly number_parties: number;
  readonly parties_contributed: number;
  readonly error: boolean;
  readonly uses_blocking: boolean;
}

export interface RunDescription {
  readonly run_id: string;
  readonly threshold: number;
  readonly name: string;
  readonly notes: string;
}

export interface RunStatus {
  readonly state: "created" | "queued" | "running" | "completed" | "error";
  readonly stages: number;
  readonly current_stage: {
    readonly number: number;
    readonly description: string;
    readonly progress?: {
      readonly absolute: number;
      readonly relative: number;
      readonly description: string;
    };
  };
  readonly time_added: string;
  readonly time_started?: string | null;
  readonly time_completed?: string | null;
  readonly total_number_comparisons?: number;
  readonly message?: string;
}

export interface UploadReceipt {
  readonly message: string;
  readonly receipt_token: string;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

export type Party = readonly [dataset: number, row: number];

export interface Request {
  readonly token?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: BodyInit | AsyncIterable<Uint8Array>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A response of the service. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly text: string,
  ) {}

  json<Body = unknown>(): Body {
    return JSON.parse(this.text) as Body;
  }
}

/** A client of the REST API. Methods that return an {@link Answer} do so whatever its status. */
export class ServiceClient {
  constructor(readonly url: string) {}

  /** `path` starts with a slash and is below /api/v1; with `root`, it is the whole path. */
  async request(method: string, path: string, request: Request = {}, root = false): Promise<Answer> {
    const { token, json, body, headers = {}, signal } = request;
    const isJson = json !== undefined;
    const response = await fetch(`${this.url}${root ? "" : "/api/v1"}${path}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { Authorization: token }),
        ...(isJson ? { "Content-Type": "application/json" } : {}),
        ...headers,
      },
      ...(isJson ? { body: JSON.stringify(json) } : {}),
      ...(body === undefined ? {} : { body: body as BodyInit, duplex: "half" }),
      ...(signal === undefined ? {} : { signal }),
    });
    return new Answer(response.status, response.headers, await response.text());
  }

  get(path: string, token?: string, headers?: Readonly<Record<string, string>>): Promise<Answer> {
    return this.request("GET", path, { token, ...(headers === undefined ? {} : { headers }) });
  }

  post(path: string, json: unknown, token?: string): Promise<Answer> {
    return this.request("POST", path, { json, token });
  }

  delete(path: string, token?: string): Promise<Answer> {
    return this.request("DELETE", path, { token });
  }

  /** @param options differences from a project of two parties with the result type `groups` */
  async createProject(options: Readonly<Record<string, unknown>> = {}): Promise<NewProject> {
    return this.#expect(201, await this.post("/projects", { schema: {}, result_type: "groups", ...options }));
  }

  async describe({ project_id, result_token }: NewProject): Promise<ProjectDescription> {
    return this.#expect(200, await this.get(`/projects/${project_id}`, result_token));
  }

  /** Sends a JSON upload as the party with the given index. */
  tryUpload(project: NewProject, party: number, json: unknown): Promise<Answer> {
    return this.post(`/projects/${project.project_id}/clks`, json, project.update_tokens[party]!);
  }

  async upload(project: NewProject, party: number, json: unknown): Promise<UploadReceipt> {
    return this.#expect(201, await this.tryUpload(project, party, json));
  }

  /** Sends raw encodings, with matching headers by default. */
  tryBinaryUpload(
    project: NewProject,
    party: number,
    rows: Uint8Array,
    byteLength: number,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly path?: string } = {},
  ): Promise<Answer> {
    return this.request("POST", `/projects/${project.project_id}/${options.path ?? "binaryclks"}`, {
      token: project.update_tokens[party]!,
      body: rows as Uint8Array<ArrayBuffer>,
      headers: {
        "Content-Type": "application/octet-stream",
        "Hash-Count": String(rows.byteLength / byteLength),
        "Hash-Size": String(byteLength),
        ...options.headers,
      },
    });
  }

  async binaryUpload(
    project: NewProject,
    party: number,
    rows: Uint8Array,
    byteLength: number,
  ): Promise<UploadReceipt> {
    return this.#expect(201, await this.tryBinaryUpload(project, party, rows, byteLength));
  }

  /** Starts a run. */
  async run(project: NewProject, threshold = 0.9): Promise<RunDescription> {
    const { project_id, result_token } = project;
    return this.#expect(201, await this.post(`/projects/${project_id}/runs`, { threshold }, result_token));
  }

  async runStatus(project: NewProject, runId: string, token = project.result_token): Promise<RunStatus> {
    return this.#expect(200, await this.get(`/projects/${project.project_id}/runs/${runId}/status`, token));
  }

  /** Resolves with a run's status once it has completed or failed. */
  async waitForRun(project: NewProject, runId: string, timeoutMs = RUN_TIMEOUT_MS): Promise<RunStatus> {
    return this.until(`the end of run ${runId}`, timeoutMs, async () => {
      const status = await this.runStatus(project, runId);
      return status.state === "completed" || status.state === "error" ? status : undefined;
    });
  }

  tryResult(
    project: NewProject,
    runId: string,
    token: string | undefined = project.result_token,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    return this.get(`/projects/${project.project_id}/runs/${runId}/result`, token, headers);
  }

  /** Starts a run, waits until it has completed, and returns the result; throws if it fails. */
  async complete<Result>(project: NewProject, threshold = 0.9): Promise<Result> {
    const { run_id } = await this.run(project, threshold);
    await this.waitUntilComplete(project, run_id);
    return this.result(project, run_id);
  }

  async waitUntilComplete(project: NewProject, runId: string, timeoutMs?: number): Promise<RunStatus> {
    const status = await this.waitForRun(project, runId, timeoutMs);
    if (status.state !== "completed") throw new Error(`the run has failed: ${JSON.stringify(status)}`);
    return status;
  }

  async result<Result>(project: NewProject, runId: string, token?: string): Promise<Result> {
    return this.#expect(200, await this.tryResult(project, runId, token));
  }

  /** Resolves once the project reports an error in a party's upload. */
  async waitForProjectError(project: NewProject): Promise<void> {
    await this.until("the project's error", RUN_TIMEOUT_MS, async () =>
      (await this.describe(project)).error ? true : undefined,
    );
  }

  async until<Found>(
    what: string,
    timeoutMs: number,
    find: () => Promise<Found | undefined>,
  ): Promise<Found> {
    const end = Date.now() + timeoutMs;
    for (let ms = POLL_MS.first; ; ms = Math.min(POLL_MS.last, ms * POLL_MS.factor)) {
      const found = await find();
      if (found !== undefined) return found;
      if (Date.now() >= end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
      await pause(ms);
    }
  }

  #expect<Body>(status: number, answer: Answer): Body {
    if (answer.status !== status) {
      throw new Error(`The status is ${answer.status} instead of ${status}: ${answer.text.slice(0, 500)}`);
    }
    return answer.json<Body>();
  }
}
