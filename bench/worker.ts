// `npm run bench:worker`: measures one of our worker processes and one of Python's, alternately, on the tasks of the
// entity service.
import { parseArgs } from "node:util";
import { until } from "../test/celery/until.js";
import { ServiceCluster } from "../test/fleet/cluster.js";
import { randomParties } from "../test/fleet/data.js";
import type { PartyData } from "../test/servers/entity-service-data.js";
import { type Cell, median, report, seconds } from "./measure.js";
import { publishProgram } from "./program-report.js";

const CONCURRENCY = 2;
const THRESHOLD = 0.8;
const RUN_MS = 300_000;
/** As in test/fleet/requirements-newest.txt. */
const PEER = "celery 5.7.0 and anonlink 0.15.3";
/** The share of a task's time that may be spent on anything but comparisons. */
const OVERHEAD_SHARE = 0.05;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "5" }, quick: { type: "boolean", default: false } },
});
const runs = values.quick ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new RangeError("--runs must be a whole number of 1 or more.");

const SIDES = ["ours", "python"] as const;
type Side = (typeof SIDES)[number];
type Workload = { readonly what: string; readonly parties: readonly PartyData[]; readonly aim: number };

process.env["TMPDIR"] = "/dev/shm"; // in memory, so that syncing files to disk is not measured
const cluster = await ServiceCluster.start({ durable: false });
try {
  await startWorkers();
  const few = randomParties(1, 1000);
  const many = randomParties(2, values.quick ? 4000 : 20_000);
  const tiny = await measure({ what: "tiny chunks", parties: few, aim: values.quick ? 4000 : 1000 });
  const middle = await measure({
    what: "middle chunks",
    parties: many,
    aim: values.quick ? 1_000_000 : 4_000_000,
  });
  const large = await measure({
    what: "large chunks",
    parties: many,
    aim: values.quick ? 4_000_000 : 40_000_000,
  });
  const cells = [tiny.cell, middle.cell, large.cell, overheadCell(tiny, large)];
  if (values.quick) console.error("quick sizes: the numbers say nothing, and are not stored");
  else {
    const about =
      `One worker process of ours against one of Python's (celery and anonlink), each with ${CONCURRENCY} tasks at once, on ` +
      `the same queue, data and chunk size: from when it takes tasks to when the last has ended. Threshold ${THRESHOLD}.`;
    const command = ["npm run bench:worker", ...(runs === 5 ? [] : [`-- --runs ${runs}`])].join(" ");
    publishProgram("worker", { title: "Worker", about, cells }, { command, runs, peer: PEER });
  }
} finally {
  await cluster.remove();
}

/** Starts both workers. They keep running, and take tasks alternately. */
async function startWorkers(): Promise<void> {
  await Promise.all([
    cluster.ours("ours", { concurrency: CONCURRENCY }),
    cluster.python("python", "compute", { concurrency: CONCURRENCY }),
  ]);
  for (const side of SIDES)
    await cluster.ask("stop_consuming", { hostname: `${side}@test`, queue: "compute" });
}

interface Measured {
  readonly tasks: number;
  readonly comparisons: number;
  /** Median of all runs. */
  readonly seconds: number;
}

interface Workloads {
  readonly cell: Cell;
  readonly of: Readonly<Record<Side, Measured>>;
}

async function measure(workload: Workload): Promise<Workloads> {
  const times: Record<Side, number[]> = { ours: [], python: [] };
  let tasks = 0;
  for (let n = 0; n < runs; n++) {
    for (const side of SIDES) {
      const { seconds: time, count } = await once(side, workload);
      times[side].push(time);
      tasks = count;
    }
  }
  const [left, right] = workload.parties.map(({ dataset }) => dataset.recordCount) as [number, number];
  const comparisons = left * right;
  const of = (side: Side): Measured => ({ tasks, comparisons, seconds: median(times[side]) });
  const ours = of("ours");
  const theirs = of("python");
  const rates = [ours, theirs].map((each) => (comparisons / each.seconds / 1e6).toFixed(1));
  const cell = report({
    what: `${workload.what}: ${tasks} tasks, ${comparisons.toLocaleString("en")} comparisons`,
    ours: ours.seconds,
    theirs: theirs.seconds,
    ratio: theirs.seconds / ours.seconds,
    note: `${rates[0]} million comparisons a second, theirs ${rates[1]}`,
  });
  return { cell, of: { ours, python: theirs } };
}

/** One run, of data that no worker has seen: from when a worker takes tasks until the last has ended. */
async function once(side: Side, { parties, aim }: Workload): Promise<{ seconds: number; count: number }> {
  const run = await cluster.startRun(parties, THRESHOLD, aim);
  const count = run.taskIds.length;
  const consumer = { hostname: `${side}@test`, queue: "compute" };
  const time = await seconds(async () => {
    await cluster.ask("consume", consumer);
    await until("the tasks of a run", RUN_MS, async () =>
      (await cluster.endedCount(run)) === count ? true : undefined,
    );
  });
  await cluster.ask("stop_consuming", consumer);
  await cluster.store.del("highmemory"); // no worker aggregates here
  return { seconds: time, count };
}

/** What a task takes besides its comparisons, and how large it must be for that not to matter. */
function overheadCell(tiny: Workloads, large: Workloads): Cell {
  const [ours, theirs] = SIDES.map((side) => {
    const { comparisons, seconds: time } = large.of[side];
    const rate = comparisons / time; // of all concurrent tasks
    const { tasks, comparisons: few, seconds: fewTime } = tiny.of[side];
    const perTask = (CONCURRENCY * (fewTime - few / rate)) / tasks;
    return { perTask, size: ((1 / OVERHEAD_SHARE - 1) * perTask * rate) / CONCURRENCY };
  }) as [Overhead, Overhead];
  const millions = ({ size }: Overhead) => (size / 1e6).toFixed(1);
  return report({
    what: "what a task takes beside its comparisons",
    ours: ours.perTask,
    theirs: theirs.perTask,
    ratio: theirs.perTask / ours.perTask,
    note: `${100 * OVERHEAD_SHARE} % of a task of ${millions(ours)} million comparisons, theirs ${millions(theirs)}`,
  });
}

interface Overhead {
  /** Seconds. */
  readonly perTask: number;
  /** Comparisons at which {@link OVERHEAD_SHARE} of the time is overhead. */
  readonly size: number;
}
