import { setTimeout as pause } from "node:timers/promises";
import { seededRandom } from "../random-clks.js";
import { someCase } from "./cases.js";
import { doHarm, FAULT_KINDS, type FaultKind } from "./cluster-faults.js";
import { countPhases, PatientClient } from "./patient-client.js";
import type { Encodings, ServiceCluster } from "./service-cluster.js";
import { allProjects, clear, holdsUploadsOnce, isEmpty, settle } from "./stored-data.js";

/**
 * Projects begin within this time; sending an upload takes so long, at most; and has so many rows, at most. Slow ones are
 * harmed in their uploads, quick ones in their runs.
 */
const MOST = {
  slow: { startMs: 3000, uploadMs: 2500, recordCount: 1100 },
  quick: { startMs: 1000, uploadMs: 200, recordCount: 1500 },
};
const PROJECTS = { least: 3, more: 3 };
/** While clients are at work, and then while all is deleted. */
const FAULTS = { least: 6, more: 3, inTheEnd: 2 };
/** Between one fault and the next, at most, of both. */
const PAUSE_MS = { atWork: 1200, inTheEnd: 200 };
/** Projects that are deleted in the middle of their work, and after how long, at most. */
const QUITTERS = { least: 1, more: 2, afterMs: 6000 };
const ROUND_MS = 60_000;
/** How long a client waits for an answer. */
const ANSWER_MS = 10_000;

/** What was done in a round, and whether all was well. */
export interface ClusterRound {
  readonly seed: number;
  readonly encodings: Encodings;
  readonly projects: number;
  readonly uploads: number;
  /** Of all projects; more than one of a project where an answer was lost. */
  readonly runs: number;
  /** Projects beside those, which were deleted in the middle of their work. */
  readonly quitters: number;
  /** What was done, and how many projects were at what then. */
  readonly faults: readonly string[];
  readonly kinds: Readonly<Partial<Record<FaultKind, number>>>;
  /** Uploads that broke off, or whose answers were lost, and that were tried again. */
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
  /** What the API and the workers have printed, if something was wrong. */
  readonly output?: string;
}

/**
 * A cluster's API, workers and stores are killed, held up and cut off at random moments, while clients upload and runs go
 * on, and while all projects are deleted. Clients try again what got no answer. In the end, every upload that was accepted
 * is there once, every run is complete without anyone's help, every result is the library's, no message waits, and nothing
 * is left of what was deleted.
 */
export async function runClusterRound(cluster: ServiceCluster, seed: number): Promise<ClusterRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const encodings: Encodings = seed % 2 === 0 ? "tables" : "packed";
  const most = MOST[Math.floor(seed / 2) % 2 === 0 ? "slow" : "quick"];
  const cases = Array.from({ length: PROJECTS.least + below(PROJECTS.more) }, () => someCase(below, most));
  const begin = Date.now();
  const tally = { retries: 0 };
  let runs = 0;
  const quitters = Array.from({ length: QUITTERS.least + below(QUITTERS.more) }, () => ({
    ...someCase(below, most),
    quitMs: below(QUITTERS.afterMs),
  }));
  const harm = new Harm(cluster, below);
  const about = () => ({
    ...{ seed, encodings, projects: cases.length, uploads: 2 * cases.length, runs },
    ...{ quitters: quitters.length, faults: harm.done, kinds: harm.kinds, ...tally, ms: Date.now() - begin },
  });
  let clients: PatientClient[] = [];
  try {
    await cluster.up(encodings);
    const deadline = Date.now() + ROUND_MS;
    const client = () => new PatientClient(cluster.client, deadline, tally, ANSWER_MS);
    clients = cases.map(client);
    const all = Promise.all(cases.map((one, n) => clients[n]!.check(one)));
    const quit = Promise.all(quitters.map((one) => client().quit(one, one.quitMs)));
    for (const work of [all, quit]) work.catch(() => {}); // awaited below
    await harm.go(FAULTS.least + below(FAULTS.more), PAUSE_MS.atWork, clients);
    const projects = await all;
    await quit;
    for (const [n, { parties }] of cases.entries()) {
      await holdsUploadsOnce(cluster, encodings, projects[n]!, parties);
    }
    await settle(cluster);
    runs = (await cluster.database.query("SELECT count(*)::int AS count FROM runs")).rows[0].count;

    const deleting = deleteAll(cluster, client());
    deleting.catch(() => {}); // awaited below
    await harm.go(FAULTS.inTheEnd, PAUSE_MS.inTheEnd, []);
    await deleting;
    await isEmpty(cluster);
    await settle(cluster);
    await cluster.down();
    return about();
  } catch (error) {
    const problems = clients.map(({ phase, lastProblem }) => `${phase}: ${lastProblem}`);
    const { message, stack } = error as Error;
    await harm.over.catch(() => {});
    const output = await cluster.down();
    await clear(cluster);
    return { ...about(), error: `${message} (${stack}) ${problems.join("\n")}`, output };
  }
}

/** Deletes all projects, also those whose making was never answered. */
async function deleteAll(cluster: ServiceCluster, client: PatientClient): Promise<void> {
  const projects = await allProjects(cluster);
  await Promise.all(projects.map(({ id, token }) => client.delete(id, token)));
}

/** The faults of a round. */
class Harm {
  readonly done: string[] = [];
  readonly kinds: Partial<Record<FaultKind, number>> = {};
  #deck: FaultKind[] = [];
  #ends: Promise<void>[] = [];

  constructor(
    readonly cluster: ServiceCluster,
    readonly below: (limit: number) => number,
  ) {}

  /** Resolves when all is as before. */
  get over(): Promise<unknown> {
    return Promise.all(this.#ends);
  }

  /** Does so much harm, at random moments, and waits until it is over. */
  async go(count: number, pauseMs: number, clients: readonly PatientClient[]): Promise<void> {
    for (let n = 0; n < count; n++) {
      await pause(this.below(pauseMs));
      const kind = this.#draw();
      const fault = doHarm(this.cluster, kind, this.below);
      if (fault === undefined) continue; // it is being harmed already
      fault.over.catch(() => {}); // awaited below
      this.#ends.push(fault.over);
      this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
      const { uploading, running } = countPhases(clients);
      const moment = clients.length === 0 ? "deleting" : `${uploading} upload, ${running} run`;
      this.done.push(`${fault.what} (${moment})`);
    }
    await this.over;
  }

  /** Each kind comes once before any comes again. */
  #draw(): FaultKind {
    if (this.#deck.length === 0) this.#deck = [...FAULT_KINDS];
    return this.#deck.splice(this.below(this.#deck.length), 1)[0]!;
  }
}
