import { setTimeout as pause } from "node:timers/promises";
import type { Answer } from "./answer.js";
import type { ApiClient } from "./api-client.js";
import { CheckFailed, expectEqual, expectThat } from "./expectations.js";
import type { Clks } from "./planted-clks.js";

export interface NewProject {
  readonly project_id: string;
  readonly update_tokens: readonly string[];
  readonly result_token: string;
}

export interface ProjectDescription {
  readonly parties_contributed: number;
  readonly error: boolean;
}

export interface Receipt {
  readonly message: string;
  readonly receipt_token: string;
}

export interface Run {
  readonly run_id: string;
  readonly threshold: number;
  readonly name: string;
  readonly notes: string;
}

export interface RunStatus {
  readonly state: string;
  readonly stages: number;
  readonly current_stage: {
    readonly number: number;
    readonly description: string;
    readonly progress?: { readonly absolute: number; readonly relative: number };
  };
  readonly time_added: string;
  readonly time_started?: string | null;
  readonly time_completed?: string | null;
  readonly total_number_comparisons?: number;
  readonly message?: string;
}

/** The owner of a project. */
export interface ProjectHolder {
  readonly api: ApiClient;
  /** Stops waiting; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Called after a project was deleted. */
  forget(project: NewProject): void;
}

/** Pause between polls of a state; it grows, to stay below the rate limits of a proxy. */
const POLL_MS = { first: 100, most: 1500, factor: 1.5 };

/** A project at the service under test. Methods whose names start with `try` return the response, whatever it is. */
export class CheckedProject {
  readonly path: string;

  constructor(
    private readonly service: ProjectHolder,
    readonly made: NewProject,
  ) {
    this.path = `/projects/${made.project_id}`;
  }

  async describe(): Promise<ProjectDescription> {
    return (await this.service.api.get(this.path, this.made.result_token)).json<ProjectDescription>(200);
  }

  /** @param party the party's index */
  tryUpload(party: number, json: unknown): Promise<Answer> {
    return this.service.api.post(`${this.path}/clks`, json, this.made.update_tokens[party]);
  }

  async upload(party: number, json: unknown): Promise<Receipt> {
    return receiptOf(await this.tryUpload(party, json));
  }

  tryBinaryUpload(
    party: number,
    { bytes, byteLength }: Clks,
    headers: Readonly<Record<string, string>> = {},
    call: "binaryclks" | "clks" = "binaryclks",
  ): Promise<Answer> {
    return this.service.api.request("POST", `${this.path}/${call}`, {
      ...{ token: this.made.update_tokens[party], body: bytes },
      headers: {
        "Content-Type": "application/octet-stream",
        "Hash-Count": String(bytes.byteLength / byteLength),
        "Hash-Size": String(byteLength),
        ...headers,
      },
    });
  }

  async binaryUpload(party: number, clks: Clks): Promise<Receipt> {
    return receiptOf(await this.tryBinaryUpload(party, clks));
  }

  /** Uploads every party's data as raw bytes; returns the receipt tokens. */
  async uploadAll(parties: readonly Clks[]): Promise<string[]> {
    const receipts: string[] = [];
    for (const [party, clks] of parties.entries()) {
      receipts.push((await this.binaryUpload(party, clks)).receipt_token);
    }
    return receipts;
  }

  tryRun(json: unknown): Promise<Answer> {
    return this.service.api.post(`${this.path}/runs`, json, this.made.result_token);
  }

  async run(threshold: number): Promise<Run> {
    return (await this.tryRun({ threshold })).json<Run>(201);
  }

  async status({ run_id }: Run, token = this.made.result_token): Promise<RunStatus> {
    return (await this.service.api.get(`${this.path}/runs/${run_id}/status`, token)).json<RunStatus>(200);
  }

  /** The status of a run once it has finished, successfully or not. */
  waitForRun(run: Run, onStatus: (status: RunStatus) => void = () => {}): Promise<RunStatus> {
    return this.until("the end of a run", async () => {
      const status = await this.status(run);
      onStatus(status);
      return status.state === "completed" || status.state === "error" ? status : undefined;
    });
  }

  async waitUntilComplete(run: Run, onStatus?: (status: RunStatus) => void): Promise<RunStatus> {
    const status = await this.waitForRun(run, onStatus);
    expectThat(
      status.state === "completed",
      `the run has failed: ${status.message ?? "it does not say why"}`,
    );
    return status;
  }

  tryResult(
    { run_id }: Run,
    token: string | undefined = this.made.result_token,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    return this.service.api.get(`${this.path}/runs/${run_id}/result`, token, headers);
  }

  async result<Result>(run: Run, token?: string): Promise<Result> {
    return (await this.tryResult(run, token)).json<Result>(200);
  }

  /** Starts a run, waits until it is complete, and returns it with its status and result. */
  async complete<Result>(threshold: number): Promise<{ run: Run; result: Result; status: RunStatus }> {
    const run = await this.run(threshold);
    const status = await this.waitUntilComplete(run);
    return { run, status, result: await this.result<Result>(run) };
  }

  /** Waits until the service has detected an unusable upload. */
  async waitForError(): Promise<void> {
    await this.until("the project's error", async () => ((await this.describe()).error ? true : undefined));
  }

  async delete(): Promise<void> {
    (await this.service.api.delete(this.path, this.made.result_token)).expect(204);
    this.service.forget(this.made);
  }

  async until<Found>(what: string, find: () => Promise<Found | undefined>): Promise<Found> {
    const { signal } = this.service;
    try {
      for (let ms = POLL_MS.first; ; ms = Math.min(POLL_MS.most, ms * POLL_MS.factor)) {
        const found = await find();
        if (found !== undefined) return found;
        await pause(ms, undefined, { signal });
      }
    } catch (error) {
      // The deadline may end the pause (as an AbortError) or a request (with the signal's reason).
      const isEnd = signal.aborted && (error === signal.reason || (error as Error).name === "AbortError");
      if (!isEnd) throw error;
      if (!(signal.reason instanceof CheckFailed)) throw signal.reason;
      throw new CheckFailed(`waited in vain for ${what}: ${signal.reason.message}`);
    }
  }
}

export function receiptOf(answer: Answer): Receipt {
  const receipt = answer.json<Receipt>(201);
  expectEqual(receipt.message, "Updated", `${answer.request}: the message`);
  expectThat(/^[0-9a-f]{48}$/.test(receipt.receipt_token), `${answer.request}: expected a receipt token`);
  return receipt;
}
