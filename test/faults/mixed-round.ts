import { until } from "../celery/until.js";
import type { FleetLine } from "../fleet/fleet-python.js";
import { seededRandom } from "../random-clks.js";
import { someCase } from "./cases.js";
import { type FaultKind, MIXED_FAULT_KINDS } from "./cluster-faults.js";
import { deleteAll } from "./cluster-round.js";
import { type ExecutionCounts, Executions } from "./executions.js";
import { Harm } from "./harm.js";
import {
  type ManyRunsCase,
  ManyRunsClient,
  type ProgressTally,
  planRuns,
  type RunOutcome,
} from "./many-runs-client.js";
import { countPhases, PatientClient } from "./patient-client.js";
import type { Fleet, ServiceCluster } from "./service-cluster.js";
import {
  allProjects,
  clear,
  describeLeftovers,
  describePending,
  isEmpty,
  type Leftovers,
  settle,
} from "./stored-data.js";

/** Upper limits: projects start within `startMs`; uploads take `uploadMs` and have `recordCount` records at most. */
const MAX = { startMs: 2000, uploadMs: 2000, recordCount: 700 };
const PROJECTS = { least: 2, more: 3 };
const MAX_RUNS = 20;
/** The number of faults during uploads, during runs, and while all projects are deleted. */
const FAULTS = { uploading: 3, running: 6, more: 4, inTheEnd: 2 };
/** The maximum time between two faults. */
const PAUSE_MS = { atWork: 2500, inTheEnd: 200 };
const ROUND_MS = 600_000;
/** How long a client waits for an answer. */
const ANSWER_MS = 10_000;
/** The number of leftovers that are reported of each kind. */
const SHOWN = 3;

export interface MixedRoundOptions {
  readonly fleet: Fleet;
  readonly line: FleetLine;
  /** Whether faults are injected; default true. */
  readonly withFaults?: boolean;
}

/** What was done in a round, and whether it passed. */
export interface MixedRound {
  readonly seed: number;
  readonly fleet: Fleet;
  readonly line: FleetLine;
  readonly projects: number;
  /** More than planned if an answer was lost. */
  readonly runs: number;
  readonly outcomes: Readonly<Partial<Record<RunOutcome["outcome"], number>>>;
  /** Each run without the right result: how it ended, and which of its tasks were started again by which workers. */
  readonly spoiled: readonly (RunOutcome & {
    readonly runId: string;
    readonly repeats: Readonly<Record<string, number>>;
  })[];
  readonly executions: ExecutionCounts;
  /** How often clients requested a status, and the progress that was above the total. */
  readonly statuses: number;
  readonly excesses: ProgressTally["excesses"];
  /** What is left after all projects have been deleted. */
  readonly left: Readonly<Record<string, unknown>>;
  /** For a failed round: the unfinished chords, and the held, queued and failed tasks. */
  readonly pending?: Readonly<Record<string, unknown>>;
  readonly faults: readonly string[];
  readonly kinds: Readonly<Partial<Record<FaultKind, number>>>;
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
  /** The output of the programs, if the round failed. */
  readonly output?: string;
}

/**
 * Clients upload and request many runs of each project, while the API, workers of both kinds and the stores are killed,
 * paused, disconnected and silenced. Each execution of a Python task writes another file and adds to the progress, and
 * killed Python workers lose the messages they have just taken. In the end every run is complete with the library's
 * result, no message is left, progress was never above 1, and nothing is left of the deleted projects.
 *
 * In the fleet `python`, wrong runs do not fail the round: it reports them, and which workers repeated what.
 */
export async function runMixedRound(
  cluster: ServiceCluster,
  seed: number,
  { fleet, line, withFaults = true }: MixedRoundOptions,
): Promise<MixedRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const cases = Array.from({ length: PROJECTS.least + below(PROJECTS.more) }, (): ManyRunsCase => {
    const { runsFirst: _, ...one } = someCase(below, MAX);
    return { ...one, runs: planRuns(1 + below(MAX_RUNS), below) };
  });
  const isPython = fleet === "python";
  const harm = new Harm(cluster, below, MIXED_FAULT_KINDS);
  const begin = Date.now();
  const tally: ProgressTally = { retries: 0, statuses: 0, excesses: {} };
  let clients: ManyRunsClient[] = [];
  let executions: Executions | undefined;
  let left: Leftovers = {};
  const outcomes = () => clients.flatMap((client) => [...client.outcomes]);
  const about = (): MixedRound => {
    const spoiled = outcomes().filter(([, { outcome }]) => outcome !== "right");
    return {
      ...{ seed, fleet, line, projects: cases.length, runs: outcomes().length },
      outcomes: countOutcomes(outcomes().map(([, each]) => each)),
      spoiled: spoiled.map(([runId, each]) => ({ runId, ...each, repeats: executions!.repeatsOf(runId) })),
      executions: executions!.count(),
      ...{ ...tally, left: shorten(left), faults: harm.done, kinds: harm.counts, ms: Date.now() - begin },
    };
  };
  try {
    executions = await Executions.watch(cluster);
    await cluster.up("tables", { fleet, line });
    const deadline = Date.now() + ROUND_MS;
    const options = { deadline, tally, answerMs: ANSWER_MS };
    clients = cases.map(() => new ManyRunsClient(cluster.client, cluster.original, options));
    const all = Promise.all(cases.map((one, n) => clients[n]!.checkRuns(one)));
    all.catch(() => {}); // awaited below
    if (withFaults) {
      await harm.go(FAULTS.uploading + below(FAULTS.more), PAUSE_MS.atWork, clients);
      await Promise.race([all, until("runs", ROUND_MS, () => countPhases(clients).running > 0 || undefined)]);
      await harm.go(FAULTS.running + below(FAULTS.more), PAUSE_MS.atWork, clients);
    }
    await all;
    const { spoiled, runs } = about();
    const canSpoil = isPython && withFaults;
    if (!canSpoil) {
      if (spoiled.length > 0) {
        throw new Error(`${spoiled.length} of ${runs} runs are not right: ${JSON.stringify(spoiled)}`);
      }
      if (Object.keys(tally.excesses).length > 0) throw new Error("progress was above the total");
      await settle(cluster);
    }

    const client = new PatientClient(cluster.client, Date.now() + ROUND_MS, tally, ANSWER_MS);
    const deleting = deleteAll(await allProjects(cluster), client); // read before PostgreSQL may be killed
    deleting.catch(() => {}); // awaited below
    if (withFaults) await harm.go(FAULTS.inTheEnd, PAUSE_MS.inTheEnd, []);
    await deleting;
    if (isPython) {
      // The original leaves database rows and files of deleted projects, and messages that its workers have lost.
      await settle(cluster).catch(() => {});
      left = await describeLeftovers(cluster);
    } else {
      await isEmpty(cluster, { mayKeepExpiring: true, strayFiles: executions.count().pythonAmongRepeated });
      await settle(cluster);
      left = await describeLeftovers(cluster);
    }
    await cluster.down();
    await clear(cluster); // so that files and keys left by Python's workers do not affect the next round
    return about();
  } catch (error) {
    const problems = clients.map((each) => `${each.phase}: ${each.lastProblem}`);
    const { message, stack } = error as Error;
    await harm.over.catch(() => {});
    left = await describeLeftovers(cluster).catch(() => ({}));
    const pending = await describePending(cluster).catch(() => ({}));
    const output = await cluster.down();
    const found = about();
    await clear(cluster);
    return { ...found, pending, error: `${message} (${stack}) ${problems.join("\n")}`, output };
  } finally {
    executions?.stop();
  }
}

/** Truncates long lists to their first few elements and a note of their length. */
function shorten(left: Leftovers): Record<string, unknown> {
  const short = (each: unknown) =>
    Array.isArray(each) && each.length > SHOWN ? [...each.slice(0, SHOWN), `… ${each.length} in all`] : each;
  return Object.fromEntries(Object.entries(left).map(([name, each]) => [name, short(each)]));
}

function countOutcomes(all: readonly RunOutcome[]): MixedRound["outcomes"] {
  const counts: Partial<Record<RunOutcome["outcome"], number>> = {};
  for (const { outcome } of all) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
