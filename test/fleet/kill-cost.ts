import { isDeepStrictEqual } from "node:util";
import { until } from "../celery/until.js";
import type { StartedProcess } from "../started-process.js";
import type { ServiceCluster, StartedRun } from "./cluster.js";
import { expected, randomParties } from "./data.js";

const RECORD_COUNT = 6000;
const THRESHOLD = 0.8;
/** The target number of comparisons per chunk; the run has about 36 chunks. */
const AIM = 1_000_000;
/** Far longer than a dead worker may delay a run. */
const RUN_MS = 240_000;

const parties = randomParties(1, RECORD_COUNT);

/** The workers that compare besides the one that is killed. */
export type Company = "ours alone" | "mixed";

/** What a killed worker has cost a run; times are in milliseconds. */
export interface KillCost {
  readonly company: Company;
  /** From sending the run's tasks to its end. */
  readonly runMs: number;
  /** From the kill to the run's end. */
  readonly afterKillMs: number;
  /** The number of messages that the worker held. */
  readonly held: number;
}

/** Starts the workers that are not killed: one of ours for all tasks; if `mixed`, a Python worker for comparisons. */
export async function startCompany(cluster: ServiceCluster, company: Company): Promise<void> {
  await cluster.ours("stays", { queues: "celery,compute,highmemory" });
  if (company === "mixed") await cluster.python("python", "compute");
}

/** Measures how long a run takes with one more of our workers, which is not killed, in milliseconds. */
export async function undisturbedMs(cluster: ServiceCluster): Promise<number> {
  const worker = await cluster.ours("second");
  const run = await start(cluster);
  const sentAt = performance.now();
  await checkEnd(cluster, run);
  const ms = performance.now() - sentAt;
  worker.signal("SIGTERM");
  await worker.ended;
  return ms;
}

/** Starts one more of our workers, kills it while it holds a chunk of a run, and waits for the run's end. */
export async function killCost(cluster: ServiceCluster, company: Company): Promise<KillCost> {
  const victim = await cluster.ours("victim");
  const run = await start(cluster);
  const sentAt = performance.now();
  const held = await killWithMessages(cluster, victim);
  const killedAt = performance.now();
  await checkEnd(cluster, run);
  const end = performance.now();
  return { company, runMs: end - sentAt, afterKillMs: end - killedAt, held };
}

function start(cluster: ServiceCluster): Promise<StartedRun> {
  return cluster.startRun(parties, THRESHOLD, AIM);
}

/** Kills a worker while it holds messages; returns their number. */
async function killWithMessages({ store }: ServiceCluster, worker: StartedProcess): Promise<number> {
  return until("a worker killed that holds a message", 60_000, async () => {
    const [key] = await store.keys(`unacked_by.*.${worker.pid}.*`);
    if (key === undefined) return undefined;
    worker.signal("SIGSTOP");
    const held = await store.hlen(key);
    worker.signal(held > 0 ? "SIGKILL" : "SIGCONT");
    return held > 0 ? held : undefined;
  });
}

/** Waits for a run's end and checks its result. */
async function checkEnd(cluster: ServiceCluster, run: StartedRun): Promise<void> {
  const result = await cluster.result(run, RUN_MS);
  const { pairs } = await (whole ??= expected(parties, THRESHOLD));
  if (!isDeepStrictEqual(result, pairs)) throw new Error("the result is not the library's");
}
let whole: ReturnType<typeof expected> | undefined;
