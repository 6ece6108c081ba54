import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { seededRandom } from "../random-clks.js";
import type { NewProject, ServiceClient } from "../service/client.js";
import { asSet, base64Rows, expectedOf, overlappingRows, type Rows, recordCountOf } from "../service/data.js";
import { ServeProcess } from "../service/serve-process.js";

const THRESHOLD = 0.8;
const KILLS = { least: 3, more: 4 };
/** Between a start and the next kill, at most. */
const PAUSE_MS = 1500;
/** Projects begin within this time. */
const BEGIN_MS = 8000;
/** How long sending an upload takes, at most; and in how many pieces. */
const UPLOAD_MS = 2500;
const PIECES = 8;
const ROUND_MS = 120_000;
const REMOVAL_MS = 20_000;
/** So that a run has many parts, and kills fall between them. */
const CHUNK_SIZE_AIM = 50_000;

/** What was done in a round, and whether all was well. */
export interface ServiceRound {
  readonly seed: number;
  readonly projects: number;
  /** Milliseconds after each start at which the service was killed, and how many projects were at what then. */
  readonly kills: readonly (Readonly<Record<Phase, number>> & { readonly ms: number })[];
  /** Uploads that broke off and were tried again. */
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
}

type Phase = "waiting" | "uploading" | "running" | "done";

interface Case {
  /** Milliseconds after the round's begin at which the project is made. */
  readonly startMs: number;
  /** How long sending an upload takes, in milliseconds. */
  readonly uploadMs: number;
  readonly resultType: "groups" | "similarity_scores";
  readonly parties: readonly [Rows, Rows];
  /** Whether the run comes before the data. */
  readonly runsFirst: boolean;
  readonly forms: readonly ("clks" | "binaryclks")[];
}

/**
 * A service in one process, which is killed at random moments while clients upload and runs go on, and started again each
 * time. Clients try again what got no answer. In the end, every upload that was accepted is there, every run is complete
 * without anyone's help, and every result is the library's; and when the
 * projects are deleted, no file is left.
 */
export async function runServiceRound(seed: number): Promise<ServiceRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-faults-"));
  const begin = Date.now();
  const cases = Array.from({ length: 3 + below(4) }, () => someCase(below));
  const kills: ServiceRound["kills"][number][] = [];
  const tally = { retries: 0 };
  const about = () => ({ seed, projects: cases.length, kills, ...tally, ms: Date.now() - begin });
  const serve = await ServeProcess.start(dataFolder, { CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM) });
  const deadline = begin + ROUND_MS;
  try {
    const clients = cases.map(() => new PatientClient(serve.client, deadline, tally));
    const all = Promise.all(cases.map((one, n) => clients[n]!.check(one)));
    all.catch(() => {}); // awaited below
    for (let n = KILLS.least + below(KILLS.more); n > 0; n--) {
      const ms = below(PAUSE_MS);
      await pause(ms);
      const count = (phase: Phase) => clients.filter((client) => client.phase === phase).length;
      kills.push({
        ms,
        ...{
          waiting: count("waiting"),
          uploading: count("uploading"),
          running: count("running"),
          done: count("done"),
        },
      });
      await serve.kill();
      await serve.start();
    }
    const projects = await all;
    await leavesNothing(serve, projects);
    return about();
  } catch (error) {
    const { message } = error as Error;
    return { ...about(), error: `${message}; the service has printed: ${serve.output.slice(-2000)}` };
  } finally {
    await serve.kill();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

/** When all projects are deleted, no file of them stays: neither theirs nor those of uploads that were broken off. */
async function leavesNothing(serve: ServeProcess, projects: readonly NewProject[]): Promise<void> {
  for (const { project_id, result_token } of projects) {
    const { status } = await serve.client.delete(`/projects/${project_id}`, result_token);
    if (status !== 204) throw new Error(`deleting a project got ${status}`);
  }
  const files = () => ["objects", "sorting"].flatMap((name) => readdirSync(join(serve.dataFolder, name)));
  const end = Date.now() + REMOVAL_MS;
  while (files().length > 0) {
    if (Date.now() > end) throw new Error(`files are left: ${files()}`);
    await pause(50);
  }
}

function someCase(below: (limit: number) => number): Case {
  const counts = [100 + below(5000), 100 + below(5000)];
  const form = () => (below(2) === 0 ? "clks" : "binaryclks");
  return {
    startMs: below(BEGIN_MS),
    uploadMs: below(UPLOAD_MS),
    resultType: below(2) === 0 ? "groups" : "similarity_scores",
    parties: overlappingRows(below(1_000_000), counts, 128) as [Rows, Rows],
    runsFirst: below(2) === 0,
    forms: [form(), form()],
  };
}

interface SlowBody {
  readonly path: "clks" | "binaryclks";
  readonly headers: Readonly<Record<string, string>>;
  /** The body, from its beginning. */
  readonly send: () => AsyncIterable<Uint8Array>;
}

/** An upload that is sent in pieces, with pauses between them. */
function bodyOf(rows: Rows, path: SlowBody["path"], ms: number): SlowBody {
  const isJson = path === "clks";
  const bytes = isJson ? Buffer.from(JSON.stringify({ clks: base64Rows(rows) })) : rows.bytes;
  const length = Math.ceil(bytes.byteLength / PIECES);
  return {
    path,
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
class PatientClient {
  phase: Phase = "waiting";

  constructor(
    readonly client: ServiceClient,
    readonly deadline: number,
    readonly tally: { retries: number },
  ) {}

  /** Takes a project from its making to its result, and compares that. */
  async check({ startMs, uploadMs, resultType, parties, runsFirst, forms }: Case): Promise<NewProject> {
    await pause(startMs);
    const project = await this.#again(() => this.client.createProject({ result_type: resultType }));
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
