import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { RunStarter } from "../fleet/run-starter.js";
import type { NewProject, RunStatus } from "../service/client.js";
import { asSet, type Expected, expectedOf } from "../service/data.js";
import { type Case, THRESHOLD } from "./cases.js";
import { PatientClient, type Tally } from "./patient-client.js";

/** When a run is requested relative to its project's uploads, and how: by our API, or as the original's API does. */
export interface PlannedRun {
  readonly moment: "before" | "during" | "after";
  readonly sender: "api" | "original";
}

export type ManyRunsCase = Omit<Case, "runsFirst"> & { readonly runs: readonly PlannedRun[] };

/** Plans `count` runs with random moments and senders. */
export function planRuns(count: number, below: (limit: number) => number): PlannedRun[] {
  const moments = ["before", "during", "after"] as const;
  return Array.from({ length: count }, () => ({
    moment: moments[below(3)]!,
    sender: below(2) === 0 ? "api" : "original",
  }));
}

/** How a run has ended, or that it has not. */
export interface RunOutcome {
  readonly outcome: "right" | "wrong" | "failed" | "unfinished";
  readonly message?: string;
}

/** The progress that clients have seen. */
export interface ProgressTally extends Tally {
  statuses: number;
  /** Progress above 1 or above the total: the last such value of each run, by the run's id. */
  readonly excesses: Record<string, string>;
}

const COMPARING = 2;
/** The pause between two checks of all runs of a project. */
const LOOK_MS = 250;

/** A client that requests many runs of a project, and polls all of them until they have ended. */
export class ManyRunsClient extends PatientClient {
  /** Outcomes by the run's id. */
  readonly outcomes = new Map<string, RunOutcome>();
  readonly #progress: ProgressTally;
  readonly #original: RunStarter;

  constructor(
    client: PatientClient["client"],
    original: RunStarter,
    options: { readonly deadline: number; readonly tally: ProgressTally; readonly answerMs?: number },
  ) {
    super(client, options.deadline, options.tally, options.answerMs);
    this.#original = original;
    this.#progress = options.tally;
  }

  /** Creates a project, uploads its data, requests its runs, and checks the results of all of them. */
  async checkRuns({
    startMs,
    uploadMs,
    resultType,
    parties,
    runs,
    forms,
  }: ManyRunsCase): Promise<NewProject> {
    await pause(startMs);
    const project = await this.again(() =>
      this.client.createProject({
        result_type: resultType,
        uses_blocking: parties.some(({ blocks }) => blocks !== undefined),
      }),
    );
    const request = async (moment: PlannedRun["moment"], pauseMs: number) => {
      for (const { sender } of runs.filter((each) => each.moment === moment)) {
        await this.#requestRun(project, sender);
        await pause(pauseMs);
      }
    };
    await request("before", 0);
    this.phase = "uploading";
    await Promise.all([
      ...parties.map((rows, party) => this.upload(project, party, rows, forms[party]!, uploadMs)),
      request("during", uploadMs / runs.length),
    ]);
    this.phase = "running";
    await request("after", 0);
    await this.#follow(project, resultType, await expectedOf(parties, THRESHOLD));
    this.phase = "done";
    return project;
  }

  /** If an answer is lost, the run may have been created nevertheless; the retry then creates another. */
  #requestRun(project: NewProject, sender: PlannedRun["sender"]): Promise<unknown> {
    if (sender === "api") return this.again(() => this.client.run(project, THRESHOLD));
    const values = { project_id: project.project_id, threshold: THRESHOLD };
    return this.again(() => this.#original.ask("post_run", values));
  }

  /** Polls all runs until they have ended, or the deadline has passed. */
  async #follow(project: NewProject, resultType: Case["resultType"], expected: Expected): Promise<void> {
    const runIds = await this.runIds(project);
    for (;;) {
      let isOver = true;
      for (const runId of runIds) {
        if (this.outcomes.has(runId)) continue;
        const outcome = await this.#look(project, runId, resultType, expected);
        if (outcome === undefined) isOver = false;
        else this.outcomes.set(runId, outcome);
      }
      if (isOver) return;
      await pause(LOOK_MS);
    }
  }

  async #look(
    project: NewProject,
    runId: string,
    resultType: Case["resultType"],
    expected: Expected,
  ): Promise<RunOutcome | undefined> {
    let status: RunStatus | undefined;
    try {
      status = await this.again(() => this.client.runStatus(project, runId));
      this.#checkProgress(runId, status, expected.comparisons);
      if (status.state === "error") return { outcome: "failed", message: String(status.message) };
      if (status.state === "completed") return await this.#compare(project, runId, resultType, expected);
    } catch (error) {
      if (!this.isLate) throw error;
    }
    if (!this.isLate) return undefined;
    const where = status === undefined ? this.lastProblem : JSON.stringify(status);
    return { outcome: "unfinished", message: where };
  }

  #checkProgress(runId: string, { current_stage: { number, progress } }: RunStatus, total: number): void {
    this.#progress.statuses++;
    if (progress === undefined) return;
    const { absolute, relative } = progress;
    const isTooMuch = relative > 1 || (number === COMPARING && absolute > total);
    if (isTooMuch) this.#progress.excesses[runId] = `${absolute} of ${total}, ${relative}`;
  }

  async #compare(
    project: NewProject,
    runId: string,
    resultType: Case["resultType"],
    expected: Expected,
  ): Promise<RunOutcome> {
    const result = await this.again(() => this.client.result<Result>(project, runId));
    const found = resultType === "groups" ? asSet(result.groups!) : result.similarity_scores!;
    const wanted = resultType === "groups" ? asSet(expected.groups) : expected.scores;
    if (isDeepStrictEqual(found, wanted)) return { outcome: "right" };
    const sizeOf = (each: typeof found | typeof wanted) => ("size" in each ? each.size : each.length);
    return { outcome: "wrong", message: `${sizeOf(found)} of ${sizeOf(wanted)} ${resultType}` };
  }
}

interface Result {
  readonly groups?: Expected["groups"];
  readonly similarity_scores?: Expected["scores"];
}
