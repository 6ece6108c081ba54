import { isDeepStrictEqual } from "node:util";
import { splitIntoChunks } from "../../src/core/chunks.js";
import type { FleetLine } from "../fleet/fleet-python.js";
import { seededRandom } from "../random-clks.js";
import { overlappingRows, recordCountOf } from "../service/data.js";
import { deleteAll } from "./cluster-round.js";
import { type ExecutionCounts, Executions } from "./executions.js";
import {
  type ManyRunsCase,
  ManyRunsClient,
  type ProgressTally,
  planRuns,
  type RunOutcome,
} from "./many-runs-client.js";
import { PatientClient } from "./patient-client.js";
import { CHUNK_SIZE_AIM, type Fleet, type ServiceCluster } from "./service-cluster.js";
import { allProjects, clear, isEmpty, settle } from "./stored-data.js";

/** The number of runs of each project in a round. */
export const RUN_COUNTS = [1, 2, 3, 5, 20];
const RECORDS = { least: 200, more: 300 };
const MAX_UPLOAD_MS = 1000;
const ROUND_MS = 600_000;

/** What was done in a round, and whether it passed. */
export interface ManyRunsRound {
  readonly seed: number;
  readonly fleet: Fleet;
  readonly runs: number;
  /** The expected number of packages of all runs. */
  readonly packages: number;
  readonly executions: ExecutionCounts;
  /** Runs without the right result. */
  readonly spoiled: readonly RunOutcome[];
  readonly excesses: ProgressTally["excesses"];
  readonly ms: number;
  readonly error?: string;
  readonly output?: string;
}

/**
 * Projects with 1 to 20 runs each, requested before, during and after the uploads, through our API and as the
 * original's API sends them, without any faults: each package is compared once, and all results equal the library's.
 */
export async function runManyRunsRound(
  cluster: ServiceCluster,
  seed: number,
  fleet: Fleet,
  line: FleetLine,
): Promise<ManyRunsRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const cases = RUN_COUNTS.map((count) => someCase(count, below));
  const packages = cases.reduce((sum, { parties, runs }) => {
    const [left, right] = parties.map(recordCountOf) as [number, number];
    return sum + runs.length * [...splitIntoChunks(left, right, CHUNK_SIZE_AIM)].length;
  }, 0);
  const begin = Date.now();
  const tally: ProgressTally = { retries: 0, statuses: 0, excesses: {} };
  const executions = await Executions.watch(cluster);
  let clients: ManyRunsClient[] = [];
  const about = (): ManyRunsRound => {
    const outcomes = clients.flatMap((client) => [...client.outcomes.values()]);
    return {
      ...{ seed, fleet, runs: outcomes.length, packages, executions: executions.count() },
      spoiled: outcomes.filter(({ outcome }) => outcome !== "right"),
      ...{ excesses: tally.excesses, ms: Date.now() - begin },
    };
  };
  try {
    await cluster.up("tables", { fleet, line });
    const options = { deadline: Date.now() + ROUND_MS, tally, answerMs: ROUND_MS };
    clients = cases.map(() => new ManyRunsClient(cluster.client, cluster.original, options));
    await Promise.all(cases.map((one, n) => clients[n]!.checkRuns(one)));
    await settle(cluster);
    const found = about();
    check(found);
    await deleteAll(
      await allProjects(cluster),
      new PatientClient(cluster.client, Date.now() + ROUND_MS, tally),
    );
    if (fleet !== "python") await isEmpty(cluster, { mayKeepExpiring: true });
    await cluster.down();
    await clear(cluster); // the original leaves database rows and files of deleted projects
    return found;
  } catch (error) {
    const output = await cluster.down();
    const found = about();
    await clear(cluster);
    return { ...found, error: (error as Error).message, output };
  } finally {
    executions.stop();
  }
}

function check({ runs, packages, executions, spoiled, excesses }: ManyRunsRound): void {
  const planned = RUN_COUNTS.reduce((sum, count) => sum + count);
  if (runs !== planned) throw new Error(`there are ${runs} runs in place of ${planned}`);
  if (spoiled.length > 0) throw new Error(`${spoiled.length} of ${runs} runs are not right`);
  if (Object.keys(excesses).length > 0) throw new Error("progress was above the total");
  if (!isDeepStrictEqual(executions.times, { "1": packages })) {
    throw new Error(`${packages} packages were compared ${JSON.stringify(executions.times)} times`);
  }
}

/** Returns a random case without blocks, because the packages of blocks depend on the order of the blocks. */
function someCase(runCount: number, below: (limit: number) => number): ManyRunsCase {
  const count = () => RECORDS.least + below(RECORDS.more);
  const form = () => (below(2) === 0 ? "clks" : "binaryclks");
  return {
    ...{ startMs: 0, uploadMs: below(MAX_UPLOAD_MS) },
    resultType: below(2) === 0 ? "groups" : "similarity_scores",
    parties: overlappingRows(below(1_000_000), [count(), count()], 128),
    forms: [form(), form()],
    runs: planRuns(runCount, below),
  };
}
