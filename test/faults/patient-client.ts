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

/** How many pieces an upload is sent in. */
const PIECES = 8;
/** Between two tries. */
const PAUSE_MS = 80;

export type Phase = "waiting" | "uploading" | "running" | "done";

/** How many clients are at what. */
export function countPhases(clients: readonly PatientClient[]): Record<Phase, number> {
  const counts = { waiting: 0, uploading: 0, running: 0, done: 0 };
  for (const { phase } of clients) counts[phase]++;
  return counts;
}

/** What clients have seen. */
export interface Tally {
  /** Uploads that broke off, or whose answers were lost, and that were tried again. */
  retries: number;
}

interface SlowBody {
  readonly path: "clks" | "binaryclks";
  readonly headers: Readonly<Record<string, string>>;
  /** The body, from its beginning. */
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

/** A client that tries again as long as the service is away. */
export class PatientClient {
  phase: Phase = "waiting";
  /** What it does at the moment, and how that went the last time: for who looks into a failure. */
  lastProblem = "";

  /**
   * @param deadline when it gives up, as `Date.now` counts
   * @param answerMs how long it waits for an answer; as if that was lost, it then tries again
   */
  constructor(
    readonly client: ServiceClient,
    private deadline: number,
    readonly tally: Tally,
    readonly answerMs = 30_000,
  ) {}

  /** Takes a project from its making to its result, and compares that. */
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
    // An answer may be lost after the run was made: then there are two.
    const run = () => this.again(() => this.client.run(project, THRESHOLD));
    const early = runsFirst ? await run() : undefined;
    this.phase = "uploading";
    await Promise.all(
      parties.map((rows, party) => this.#upload(project, party, bodyOf(rows, forms[party]!, uploadMs))),
    );
    this.phase = "running";
    const { run_id } = early ?? (await run());
    const expected = await expectedOf(parties, THRESHOLD);
    await this.checkRun(project, run_id, resultType, expected);
    for (const other of await this.#runIds(project)) {
      if (other !== run_id) await this.checkRun(project, other, resultType, expected);
    }
    this.phase = "done";
    const described = await this.again(() => this.client.describe(project));
    if (described.parties_contributed !== 2 || described.error) {
      throw new Error(`an upload is lost: ${JSON.stringify(described)}`);
    }
    return project;
  }

  /** Begins a project, and deletes it after so many milliseconds, wherever it is then. */
  async quit(one: Case, ms: number): Promise<void> {
    const { deadline } = this;
    let project: NewProject | undefined;
    const work = this.check(one, (made) => {
      project = made;
    });
    work.catch(() => {}); // it ends as the project is gone
    await pause(one.startMs + ms);
    while (project === undefined && Date.now() < deadline) await pause(PAUSE_MS);
    if (project === undefined) throw new Error(`no project: ${this.lastProblem}`);
    const { project_id, result_token } = project;
    await this.delete(project_id, result_token);
    this.deadline = 0;
    await work.catch(() => {});
  }

  /** Deletes a project; where an answer is lost, it is gone the next time. */
  async delete(projectId: string, resultToken: string): Promise<void> {
    await this.again(async () => {
      const { status } = await this.client.delete(`/projects/${projectId}`, resultToken);
      if (status !== 204 && status !== 403) throw new Error(`deleting a project got ${status}`);
    });
  }

  /** Waits for a run's end, which must be a good one, and compares its result. */
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

  async #runIds({ project_id, result_token }: NewProject): Promise<string[]> {
    return this.again(async () => {
      const answer = await this.client.get(`/projects/${project_id}/runs`, result_token);
      if (answer.status !== 200) throw new Error(`the list of runs got ${answer.status}: ${answer.text}`);
      return answer.json<{ run_id: string }[]>().map(({ run_id }) => run_id);
    });
  }

  /** Uploads until it is accepted, or until it shows that an upload whose answer was lost had been accepted. */
  async #upload(project: NewProject, party: number, { path, headers, send }: SlowBody): Promise<void> {
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
      if (answer.status >= 500) hadNoAnswer = true; // it may have been accepted before something failed
      // Done already, or in progress from before the kill: then the next try finds the turn free, or the party done.
      if (answer.status === 403 && hadNoAnswer && (await this.#areDone(project))) return;
      if (answer.status >= 400 && answer.status !== 403 && answer.status < 500) {
        throw new Fatal(`an upload got ${answer.status}: ${answer.text}`);
      }
      throw new Error(`an upload got ${answer.status}: ${answer.text}`);
    });
  }

  /** Which party has contributed is not told: only how many have. */
  async #areDone(project: NewProject): Promise<boolean> {
    return (await this.client.describe(project)).parties_contributed === 2;
  }

  /** Tries until it succeeds, fails for good, or the deadline is over. */
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

/** What trying again does not change. */
export class Fatal extends Error {}
