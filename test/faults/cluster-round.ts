import { seededRandom } from "../random-clks.js";
import { someCase } from "./cases.js";
import { FAULT_KINDS, type FaultKind } from "./cluster-faults.js";
import { Harm } from "./harm.js";
import { PatientClient } from "./patient-client.js";
import type { Encodings, ServiceCluster } from "./service-cluster.js";
import { allProjects, clear, holdsUploadsOnce, isEmpty, settle } from "./stored-data.js";

/**
 * Upper limits: projects start within `startMs`; an upload takes up to `uploadMs` and has up to `recordCount` records.
 * Faults hit slow projects in their uploads, quick ones in their runs.
 */
const MAX = {
  slow: { startMs: 3000, uploadMs: 2500, recordCount: 1100 },
  quick: { startMs: 1000, uploadMs: 200, recordCount: 1500 },
};
const PROJECTS = { least: 3, more: 3 };
/** The number of faults while clients are working, and then while all projects are deleted. */
const FAULTS = { least: 6, more: 3, inTheEnd: 2 };
/** The maximum time between two faults, in each of these phases. */
const PAUSE_MS = { atWork: 1200, inTheEnd: 200 };
/** The number of projects that are deleted while they are in progress, and the maximum time until then. */
const QUITTERS = { least: 1, more: 2, afterMs: 6000 };
const ROUND_MS = 600_000;
/** How long a client waits for an answer. */
const ANSWER_MS = 10_000;

/** What was done in a round, and whether it passed. */
export interface ClusterRound {
  readonly seed: number;
  readonly encodings: Encodings;
  readonly projects: number;
  readonly uploads: number;
  /** Runs of all projects; a project has more than one if an answer was lost. */
  readonly runs: number;
  /** Additional projects, which were deleted while they were in progress. */
  readonly quitters: number;
  /** Each fault, and how many projects were in which phase at that time. */
  readonly faults: readonly string[];
  readonly kinds: Readonly<Partial<Record<FaultKind, number>>>;
  /** Uploads that were interrupted or whose answers were lost, and that were retried. */
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
  /** The output of the API and the workers, if the round failed. */
  readonly output?: string;
}

/**
 * A cluster's API, workers and stores are killed, paused and disconnected at random moments, during uploads and runs
 * and while all projects are deleted. Clients retry requests that got no answer. In the end, every accepted upload is
 * stored once, every run has completed without intervention, every result equals the library's, no message is left, and
 * nothing is left of the deleted projects.
 */
export async function runClusterRound(cluster: ServiceCluster, seed: number): Promise<ClusterRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const encodings: Encodings = seed % 2 === 0 ? "tables" : "packed";
  const most = MAX[Math.floor(seed / 2) % 2 === 0 ? "slow" : "quick"];
  const cases = Array.from({ length: PROJECTS.least + below(PROJECTS.more) }, () => someCase(below, most));
  const begin = Date.now();
  const tally = { retries: 0 };
  let runs = 0;
  const quitters = Array.from({ length: QUITTERS.least + below(QUITTERS.more) }, () => ({
    ...someCase(below, most),
    quitMs: below(QUITTERS.afterMs),
  }));
  const harm = new Harm(cluster, below, FAULT_KINDS);
  const about = () => ({
    ...{ seed, encodings, projects: cases.length, uploads: 2 * cases.length, runs },
    ...{ quitters: quitters.length, faults: harm.done, kinds: harm.counts, ...tally, ms: Date.now() - begin },
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

    const deleting = deleteAll(await allProjects(cluster), client()); // read before PostgreSQL may be killed
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

/** Deletes projects. */
export async function deleteAll(
  projects: readonly { readonly id: string; readonly token: string }[],
  client: PatientClient,
): Promise<void> {
  await Promise.all(projects.map(({ id, token }) => client.delete(id, token)));
}
