import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { NewProject, ServiceClient } from "../service/client.js";
import {
  asSet,
  base64Rows,
  clksAndBlocks,
  type Expected,
  expectedOf,
  recordCountOf,
} from "../service/data.js";
import { type BlockedRows, type Case, THRESHOLD } from "./cases.js";

/** The number of pieces in which an upload is sent. */
const PIECES = 8;
/** The pause between two attempts. */
const PAUSE_MS = 80;

export type Phase = "waiting" | "uploading" | "running" | "done";

/** The number of clients in each phase. */
export function countPhases(clients: readonly PatientClient[]): Record<Phase, number> {
  const counts = { waiting: 0, uploading: 0, running: 0, done: 0 };
  for (const { phase } of clients) counts[phase]++;
  return counts;
}

/** Counts of what clients have seen. */
export interface Tally {
  /** Uploads that were interrupted or whose answers were lost, and that were retried. */
  retries: number;
}

interface SlowBody {
  readonly path: "clks" | "binaryclks";
  readonly headers: Readonly<Record<string, string>>;
  /** Sends the body from the start. */
  readonly send: () => AsyncIterable<Uint8Array>;
}

/** An upload that is sent in pieces, with pauses between them. */
function bodyOf(rows: BlockedRows, form: "clks" | "binaryclks", ms: number): SlowBody {
  const isJson = form === "clks" || rows.blocks !== undefined;
  const json =
    rows.blocks === undefined ? { clks: base64Rows(rows) } : { clknblocks: clksAndBlocks(rows, rows.blocks) };
  const bytes = isJson ? Buffer.from(JSON.stringify(json)) : rows.bytes;
  const length = Math.ceil(bytes.byteLength / PIECES);
  return {
    path: isJson ? "clks" : "binaryclks",
    headers: isJson
      ? { "Content-Type": "application/json" }
      : {
          "Content-Type": "application/octet-stream",
          "Hash-Count": String(recordCountOf(rows)),
          "Hash-Size": String(rows.byteLength),
        },
    async *send() {
      for (let from = 0; from < bytes.byteLength; from += length) {
        yield bytes.subarray(from, from + length);
        await pause(ms / PIECES);
      }
    },
  };
}

/** A client that retries as long as the service is down. */
export class PatientClient {
  phase: Phase = "waiting";
  /** The error of the latest failed attempt, for debugging. */
  lastProblem = "";

  /**
   * @param deadline when it gives up, as a time of `Date.now`
   * @param answerMs how long it waits for an answer; after that it retries, as if the answer was lost
   */
  constructor(
    readonly client: ServiceClient,
    private deadline: number,
    readonly tally: Tally,
    readonly answerMs = 30_000,
  ) {}

  /** Whether it has given up. */
  get isLate(): boolean {
    return Date.now() > this.deadline;
  }

  /** Makes its current work fail. */
  giveUp(): void {
    this.deadline = 0;
  }

  /** Creates a project, uploads its data, requests a run, and compares its result with the library's. */
  async check(
    { startMs, uploadMs, resultType, parties, runsFirst, forms }: Case,
    onMade?: (project: NewProject) => void,
  ): Promise<NewProject> {
    await pause(startMs);
    const project = await this.again(() =>
      this.client.createProject({
        result_type: resultType,
        uses_blocking: parties.some(({ blocks }) => blocks !== undefined),
      }),
    );
    onMade?.(project);
    // If the answer is lost after the run was created, the retry creates a second one.
    const run = () => this.again(() => this.client.run(project, THRESHOLD));
    const early = runsFirst ? await run() : undefined;
    this.phase = "uploading";
    await Promise.all(
      parties.map((rows, party) => this.upload(project, party, rows, forms[party]!, uploadMs)),
    );
    this.phase = "running";
    const { run_id } = early ?? (await run());
    const expected = await expectedOf(parties, THRESHOLD);
    await this.checkRun(project, run_id, resultType, expected);
    for (const other of await this.runIds(project)) {
      if (other !== run_id) await this.checkRun(project, other, resultType, expected);
    }
    this.phase = "done";
    const described = await this.again(() => this.client.describe(project));
    if (described.parties_contributed !== 2 || described.error) {
      throw new Error(`an upload is lost: ${JSON.stringify(described)}`);
    }
    return project;
  }

  /** Starts a project, and deletes it after `ms` milliseconds, in whatever phase it is. */
  async quit(one: Case, ms: number): Promise<void> {
    const { deadline } = this;
    let project: NewProject | undefined;
    const work = this.check(one, (made) => {
      project = made;
    });
    work.catch(() => {}); // it fails because the project is gone
    await pause(one.startMs + ms);
    while (project === undefined && Date.now() < deadline) await pause(PAUSE_MS);
    if (project === undefined) throw new Error(`no project: ${this.lastProblem}`);
    const { project_id, result_token } = project;
    await this.delete(project_id, result_token);
    this.deadline = 0;
    await work.catch(() => {});
  }

  /** Deletes a project; after a lost answer, a retry gets 403 because it is gone. */
  async delete(projectId: string, resultToken: string): Promise<void> {
    await this.again(async () => {
      const { status } = await this.client.delete(`/projects/${projectId}`, resultToken);
      if (status !== 204 && status !== 403) throw new Error(`deleting a project got ${status}`);
    });
  }

  /** Waits until a run has completed, and compares its result with the expected one. */
  async checkRun(
    project: NewProject,
    runId: string,
    resultType: Case["resultType"],
    expected: Expected,
  ): Promise<void> {
    await this.again(async () => {
      const status = await this.client.runStatus(project, runId);
      if (status.state === "error") throw new Fatal(`a run has failed: ${JSON.stringify(status)}`);
      if (status.state !== "completed") {
        const { current_stage: stage, time_added } = status;
        throw new Error(`run ${runId} is ${status.state}: ${JSON.stringify({ stage, time_added })}`);
      }
    });
    const result = await this.again(() => this.client.result<Result>(project, runId));
    const isRight =
      resultType === "groups"
        ? isDeepStrictEqual(asSet(result.groups!), asSet(expected.groups))
        : isDeepStrictEqual(result.similarity_scores, expected.scores);
    if (!isRight) throw new Fatal(`the result of run ${runId} is not the library's`);
  }

  async runIds({ project_id, result_token }: NewProject): Promise<string[]> {
    return this.again(async () => {
      const answer = await this.client.get(`/projects/${project_id}/runs`, result_token);
      if (answer.status !== 200) throw new Error(`the list of runs got ${answer.status}: ${answer.text}`);
      return answer.json<{ run_id: string }[]>().map(({ run_id }) => run_id);
    });
  }

  /** Retries an upload until it is accepted, or until it turns out that one with a lost answer was accepted. */
  async upload(
    project: NewProject,
    party: number,
    rows: BlockedRows,
    form: Case["forms"][number],
    ms: number,
  ): Promise<void> {
    const { path, headers, send } = bodyOf(rows, form, ms);
    let hadNoAnswer = false;
    await this.again(async () => {
      const signal = AbortSignal.timeout(this.answerMs);
      const request = { token: project.update_tokens[party], headers, body: send(), signal };
      const call = this.client.request("POST", `/projects/${project.project_id}/${path}`, request);
      const answer = await call.catch((error: unknown) => {
        hadNoAnswer = true;
        this.tally.retries++;
        throw error;
      });
      if (answer.status === 201) return;
      if (answer.status >= 500) hadNoAnswer = true; // it may have been accepted before the failure
      // 403: an earlier attempt was accepted or is still in progress; a later one gets 201, or finds it accepted.
      if (answer.status === 403 && hadNoAnswer && (await this.#areDone(project))) return;
      if (answer.status >= 400 && answer.status !== 403 && answer.status < 500) {
        throw new Fatal(`an upload got ${answer.status}: ${answer.text}`);
      }
      throw new Error(`an upload got ${answer.status}: ${answer.text}`);
    });
  }

  /** Whether both parties have contributed; the service does not return which one has. */
  async #areDone(project: NewProject): Promise<boolean> {
    return (await this.client.describe(project)).parties_contributed === 2;
  }

  /** Retries until the call succeeds, fails permanently, or the deadline has passed. */
  async again<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        return await this.#inTime(call());
      } catch (error) {
        if (error instanceof Fatal || Date.now() > this.deadline) throw error;
        const { message, cause } = error as Error;
        this.lastProblem = cause instanceof Error ? `${message} (${cause.message})` : message;
        await pause(PAUSE_MS);
      }
    }
  }

  async #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${this.answerMs} ms`)), this.answerMs + 1000);
    });
    return Promise.race([answer, late]).finally(() => clearTimeout(timer));
  }
}

interface Result {
  readonly groups?: readonly (readonly (readonly [number, number])[])[];
  readonly similarity_scores?: unknown;
}

/** An error that is not retried. */
export class Fatal extends Error {}
