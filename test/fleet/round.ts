import { setTimeout as pause } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { seededRandom } from "../random-clks.js";
import type { PartyData } from "../servers/entity-service-data.js";
import type { StartedProcess } from "../started-process.js";
import { type ServiceCluster, signalAll } from "./cluster.js";
import { expected, febrl, inBlocks, randomParties } from "./data.js";

export const VISIBILITY_TIMEOUT_SECONDS = 5;
const THRESHOLD = 0.75;
/** How long a chord may take: the faults, then a few times the visibility timeout. */
const CHORD_MS = 120_000;
/** The maximum time between two faults. */
const PAUSE_MS = 600;
/** How long S3 is paused before the worker is killed. */
const S3_MS = 200;

/** What was done in a round, and whether it passed. */
export interface Round {
  readonly round: number;
  readonly seed: number;
  readonly data: string;
  readonly tasks: number;
  /** Whether a Python worker took part in the comparisons. */
  readonly python: boolean;
  readonly faults: readonly string[];
  /** Tasks that had ended when the last fault was over. */
  readonly endedAtLastFault: number;
  readonly ms: number;
  readonly comparisons: number;
  readonly error?: string;
}

/**
 * Runs one chord over data chosen by the seed, while its workers are killed and paused, and their Redis is killed. Two
 * workers are ours. Some rounds also have a Python worker, which is only paused, and then Redis is not killed: a
 * message that a Python worker takes off a queue can be lost, with it or with Redis, before it is noted in `unacked`.
 * For the same reason, the aggregator starts when the faults are over.
 */
export async function runRound(cluster: ServiceCluster, round: number, seed: number): Promise<Round> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const { name: data, parties, aim } = await dataOf(below);
  const python = below(3) === 0;
  const start = Date.now();
  const faults: string[] = [];
  const outcome = { tasks: 0, endedAtLastFault: 0, comparisons: 0 };
  const about = () => ({ round, seed, data, python, faults, ...outcome, ms: Date.now() - start });
  try {
    const run = await cluster.startRun(parties, THRESHOLD, aim);
    outcome.tasks = run.packages.length;
    const peer = python ? await cluster.python("py", "compute") : undefined;
    const workers = ["one", "two"].map((name) => new Restarted(name, cluster));
    await Promise.all(workers.map((worker) => worker.start()));

    const ends: Promise<void>[] = [];
    const harm = { below, faults, peer, cluster, workers };
    for (let n = 3 + below(4); n > 0; n--) {
      await pause(below(PAUSE_MS));
      const { over } = await fault(harm);
      over.catch(() => {}); // awaited below
      ends.push(over);
    }
    await Promise.all(ends);
    outcome.endedAtLastFault = await cluster.endedCount(run);
    await cluster.aggregator();

    await cluster.result(run, CHORD_MS);
    await cluster.allAcknowledged(CHORD_MS);
    const result = await cluster.result(run); // rejects if there is a second one by now
    const whole = await expected(parties, THRESHOLD);
    if (!isDeepStrictEqual(result, whole.pairs)) throw new Error("the result is not the library's");
    outcome.comparisons = Number((await cluster.progress(run))["comparisons"]);
    const isCounted = python
      ? outcome.comparisons >= whole.comparisons
      : outcome.comparisons === whole.comparisons;
    if (!isCounted) throw new Error(`progress counts ${outcome.comparisons}, not ${whole.comparisons}`);
    return about();
  } catch (error) {
    return { ...about(), error: (error as Error).message };
  }
}

interface Harm {
  readonly below: (limit: number) => number;
  /** Descriptions of the faults so far. */
  readonly faults: string[];
  readonly peer: StartedProcess | undefined;
  readonly cluster: ServiceCluster;
  readonly workers: readonly Restarted[];
}

/** Injects a fault; `over` resolves when it is over. In an object, because a promise cannot resolve to a promise. */
async function fault({ below, faults, peer, cluster, workers }: Harm): Promise<{ over: Promise<void> }> {
  const kind = below(5);
  const restMs = below(1500);
  const stillMs = 1000 * VISIBILITY_TIMEOUT_SECONDS + 500 + restMs;
  const worker = workers[below(workers.length)]!;
  if (kind === 0 && peer !== undefined) {
    faults.push(`py stands still for ${stillMs} ms`);
    return { over: standStill(peer, stillMs) };
  }
  if (kind === 0) {
    faults.push(`Redis killed, back after ${restMs} ms`);
    await cluster.redis.kill();
    await pause(restMs);
    await cluster.redis.start();
    return { over: Promise.resolve() };
  }
  if (!worker.isUp) return { over: Promise.resolve() };
  if (kind === 1) {
    faults.push(`${worker.name} stands still for ${stillMs} ms`);
    return { over: worker.standStill(stillMs) };
  }
  if (kind === 2) {
    faults.push(`${worker.name} killed, back after ${restMs} ms`);
    return { over: worker.killFor(restMs) };
  }
  // Aims between the storing of a task's progress and of its file.
  faults.push(`${worker.name} killed as S3 keeps it waiting, back after ${restMs} ms`);
  cluster.s3.signal("SIGSTOP");
  await pause(S3_MS);
  const over = worker.killFor(restMs);
  await pause(S3_MS); // so that it is killed before S3 resumes
  cluster.s3.signal("SIGCONT");
  return { over };
}

async function standStill(worker: StartedProcess, ms: number): Promise<void> {
  signalAll(worker, "SIGSTOP");
  await pause(ms);
  signalAll(worker, "SIGCONT");
}

async function dataOf(
  below: (limit: number) => number,
): Promise<{ name: string; parties: readonly PartyData[]; aim: number }> {
  switch (below(3)) {
    case 0:
      return { name: "febrl4-1k", parties: febrl, aim: 3000 };
    case 1:
      return { name: "febrl4-1k in blocks", parties: inBlocks(febrl, below(1000)), aim: 1000 };
    default:
      return { name: "3,000 random records", parties: randomParties(below(1000), 3000), aim: 30_000 };
  }
}

/** One of our workers, which can be killed, restarted and paused. */
class Restarted {
  /** Whether it is neither down nor paused. */
  isUp = false;
  #process: StartedProcess | undefined;
  #starts = 0;

  constructor(
    readonly name: string,
    readonly cluster: ServiceCluster,
  ) {}

  async start(): Promise<void> {
    this.#process = await this.cluster.ours(this.name, { concurrency: 1 + (this.#starts++ % 2) });
    this.isUp = true;
  }

  async killFor(ms: number): Promise<void> {
    this.isUp = false;
    await this.#process!.killGroup();
    await pause(ms);
    await this.start();
  }

  async standStill(ms: number): Promise<void> {
    this.isUp = false;
    await standStill(this.#process!, ms);
    this.isUp = true;
  }
}
