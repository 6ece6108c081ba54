import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { NewProject, ServiceClient } from "../service/client.js";
import { asSet, base64Rows, clksAndBlocks, expectedOf, recordCountOf } from "../service/data.js";
import { type BlockedRows, type Case, THRESHOLD } from "./cases.js";

/** In how many pieces an upload is sent. */
const PIECES = 8;

export type Phase = "waiting" | "uploading" | "running" | "done";

/** How many clients are at what. */
export function countPhases(clients: readonly PatientClient[]): Record<Phase, number> {
  const counts = { waiting: 0, uploading: 0, running: 0, done: 0 };
  for (const { phase } of clients) counts[phase]++;
  return counts;
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

  constructor(
    readonly client: ServiceClient,
    readonly deadline: number,
    readonly tally: { retries: number },
  ) {}

  /** Takes a project from its making to its result, and compares that. */
  async check({ startMs, uploadMs, resultType, parties, runsFirst, forms }: Case): Promise<NewProject> {
    await pause(startMs);
    const project = await this.#again(() =>
      this.client.createProject({
        result_type: resultType,
        uses_blocking: parties.some(({ blocks }) => blocks !== undefined),
      }),
    );
    // An answer may be lost after the run was made: then there are two.
    const run = () => this.#again(() => this.client.run(project, THRESHOLD));
    const early = runsFirst ? await run() : undefined;
    this.phase = "uploading";
    await Promise.all(
      parties.map((rows, party) => this.#upload(project, party, bodyOf(rows, forms[party]!, uploadMs))),
    );
    this.phase = "running";
    const { run_id } = early ?? (await run());
    await this.#again(async () => {
      const status = await this.client.runStatus(project, run_id);
      if (status.state === "error") throw new Fatal(`a run has failed: ${JSON.stringify(status)}`);
      if (status.state !== "completed") throw new Error(`the run is ${status.state}`);
    });
    const result = await this.#again(() => this.client.result<Result>(project, run_id));
    this.phase = "done";
    const expected = await expectedOf(parties, THRESHOLD);
    const isRight =
      resultType === "groups"
        ? isDeepStrictEqual(asSet(result.groups!), asSet(expected.groups))
        : isDeepStrictEqual(result.similarity_scores, expected.scores);
    if (!isRight) throw new Error("a result is not the library's");
    const described = await this.#again(() => this.client.describe(project));
    if (described.parties_contributed !== 2 || described.error) {
      throw new Error(`an upload is lost: ${JSON.stringify(described)}`);
    }
    return project;
  }

  /** Uploads until it is accepted, or until it shows that an upload whose answer was lost had been accepted. */
  async #upload(project: NewProject, party: number, { path, headers, send }: SlowBody): Promise<void> {
    let hadNoAnswer = false;
    await this.#again(async () => {
      const request = { token: project.update_tokens[party], headers, body: send() };
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

  async #again<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (error instanceof Fatal || Date.now() > this.deadline) throw error;
        await pause(50);
      }
    }
  }
}

interface Result {
  readonly groups?: readonly (readonly (readonly [number, number])[])[];
  readonly similarity_scores?: unknown;
}

/** What trying again does not change. */
class Fatal extends Error {}
