import { setTimeout as pause } from "node:timers/promises";
import { dropPackets, letPacketsThrough } from "../servers/dropped-port.js";
import type { SwallowingProxy } from "../servers/swallowing-proxy.js";
import { type Case, someCase } from "./cases.js";
import { PatientClient } from "./patient-client.js";
import { type Program, type ServiceCluster, SHUTDOWN_GRACE_SECONDS } from "./service-cluster.js";
import { clear } from "./stored-data.js";

export const STORES = { Redis: "redis", PostgreSQL: "postgres", S3: "s3" } as const;
export const MEANS = ["swallowing proxy", "iptables DROP"] as const;
export const LOADS = ["idle", "busy"] as const;

/** Which store goes silent, by what means, and what the cluster is doing at that time. */
export interface SilenceCase {
  readonly store: keyof typeof STORES;
  readonly means: (typeof MEANS)[number];
  readonly load: (typeof LOADS)[number];
}

/** Times in seconds; those of workers are of the slower of the two. */
export interface SilenceOutcome extends SilenceCase {
  /** From the start of the silence until `/readyz` fails. */
  readonly badApi: number;
  readonly badWorker: number;
  /** From the end of the silence until `/readyz` succeeds. */
  readonly goodApi: number;
  readonly goodWorker: number;
  /** From the end of the silence until a linkage has completed, either a new one or one from before the silence. */
  readonly work: number;
  /** From SIGTERM until the process exits, while the store is silent. */
  readonly endApi: number;
  readonly endWorker: number;
}

/** The maximum of each time, in seconds. */
export const LIMITS = { bad: 30, good: 30, work: 30, endApi: 15, endWorker: SHUTDOWN_GRACE_SECONDS + 10 };

/** Longer than any connection timeout, so that all of them have expired. */
const SILENCE_MS = 40_000;
const CASE_MS = 300_000;
const POLL_MS = 100;
/** The number of clients of a busy cluster. */
const CLIENTS = 3;
const SMALL = { startMs: 1, uploadMs: 100, recordCount: 400 };
const LARGE = { startMs: 1, uploadMs: 2000, recordCount: 1500 };

/**
 * A store goes silent, recovers, and goes silent again; then all programs are asked to stop. Measures how long it takes
 * until the silence is noticed, until work continues, and until the programs exit.
 *
 * @throws Error if something takes far too long
 */
export async function runSilenceCase(
  cluster: ServiceCluster<SwallowingProxy>,
  kind: SilenceCase,
): Promise<SilenceOutcome> {
  const proxy = cluster.proxies[STORES[kind.store]];
  const isDropped = kind.means === "iptables DROP";
  const silence = () => (isDropped ? dropPackets(proxy.port) : proxy.silence());
  const resume = () => (isDropped ? letPacketsThrough(proxy.port) : proxy.resume());
  const load = new Load(cluster);
  try {
    await cluster.up("tables");
    const [api, ...workers] = cluster.started as [Program, ...Program[]];
    if (kind.load === "busy") await load.start();

    silence();
    const bad = await timesUntil([api, ...workers], async (program) => !(await program.isReady()));
    await pause(Math.max(0, SILENCE_MS - 1000 * Math.max(...bad)));

    resume();
    const good = timesUntil([api, ...workers], (program) => program.isReady());
    const work = seconds(Promise.any([load.once(SMALL), load.next()]));
    const [goodApi, ...goodWorkers] = await good;
    const workSeconds = await work;

    silence();
    await pause(2000);
    const ends = [api, ...workers].map((program) => {
      program.signal("SIGTERM");
      return seconds(program.waitForEnd(60_000));
    });
    const [endApi, ...endWorkers] = await Promise.all(ends);
    const [badApi, ...badWorkers] = bad;
    return {
      ...kind,
      badApi: badApi!,
      badWorker: Math.max(...badWorkers),
      goodApi: goodApi!,
      goodWorker: Math.max(...goodWorkers),
      work: workSeconds,
      endApi: endApi!,
      endWorker: Math.max(...endWorkers),
    };
  } catch (error) {
    const output = await cluster.down();
    proxy.closeSilent();
    throw new Error(`${(error as Error).message}\n${load.problems}\n${output}`, { cause: error });
  } finally {
    load.stop();
    resume();
    await cluster.down();
    proxy.closeSilent(); // otherwise sessions of the stopped programs would keep their locks
    await clear(cluster);
  }
}

/** Describes each time that is above its limit; empty if none is. */
export function problemsOf(outcome: SilenceOutcome): string[] {
  const limits = {
    badApi: LIMITS.bad,
    badWorker: LIMITS.bad,
    goodApi: LIMITS.good,
    goodWorker: LIMITS.good,
    work: LIMITS.work,
    endApi: LIMITS.endApi,
    endWorker: LIMITS.endWorker,
  };
  return Object.entries(limits)
    .filter(([name, limit]) => outcome[name as keyof typeof limits] > limit)
    .map(
      ([name, limit]) => `${name}: expected up to ${limit} s, got ${outcome[name as keyof typeof limits]}`,
    );
}

/** Clients that each link data, one project after the other. */
class Load {
  readonly #clients = new Set<PatientClient>();
  #isStopped = false;
  #onDone: (() => void)[] = [];

  constructor(readonly cluster: ServiceCluster<SwallowingProxy>) {}

  get problems(): string {
    return [...this.#clients].map(({ phase, lastProblem }) => `${phase}: ${lastProblem}`).join("\n");
  }

  /** Starts the clients; resolves once the first linkage is complete. */
  async start(): Promise<void> {
    for (let n = 0; n < CLIENTS; n++) {
      const loop = async () => {
        while (!this.#isStopped) await this.once(LARGE).then(() => this.#tell());
      };
      loop().catch(() => {}); // a caller that waits for the next linkage then waits too long
    }
    await this.next();
  }

  /** Resolves when a client completes its next linkage; never if there are no clients. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#onDone.push(resolve));
  }

  async once(most: Parameters<typeof someCase>[1]): Promise<void> {
    const one: Case = someCase((limit) => Math.floor(Math.random() * limit), most);
    const client = new PatientClient(this.cluster.client, Date.now() + CASE_MS, { retries: 0 }, 10_000);
    this.#clients.add(client);
    await client.check(one);
    this.#clients.delete(client);
  }

  stop(): void {
    this.#isStopped = true;
    for (const client of this.#clients) client.giveUp();
  }

  #tell(): void {
    for (const onDone of this.#onDone.splice(0)) onDone();
  }
}

/** Returns for each program the seconds until `holds` is true for it. */
async function timesUntil(
  programs: readonly Program[],
  holds: (program: Program) => Promise<boolean>,
): Promise<number[]> {
  const deadline = Date.now() + CASE_MS;
  return Promise.all(
    programs.map((program) =>
      seconds(
        (async () => {
          while (!(await holds(program))) {
            if (Date.now() > deadline) throw new Error(`${program.name} has not changed in ${CASE_MS} ms`);
            await pause(POLL_MS);
          }
        })(),
      ),
    ),
  );
}

/** How long a promise takes, in seconds, rounded to a tenth. */
async function seconds(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return Math.round((performance.now() - start) / 100) / 10;
}
