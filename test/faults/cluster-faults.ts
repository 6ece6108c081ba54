import { setTimeout as pause } from "node:timers/promises";
import type { Proxies, ServiceCluster } from "./service-cluster.js";
import { VISIBILITY_TIMEOUT_SECONDS } from "./service-cluster.js";
import type { Victim } from "./victim.js";

/** The faults of a cluster with only our workers; each fault ends after a while. */
export const FAULT_KINDS = [
  "API killed",
  "worker killed",
  "worker stands still",
  "connections cut",
  "Redis killed",
  "PostgreSQL killed",
  "MinIO killed",
  "MinIO stands still",
] as const;

/** The faults of a cluster with Python workers. */
export const MIXED_FAULT_KINDS = [
  ...FAULT_KINDS,
  "API stands still",
  "Python worker killed",
  "Python worker stands still",
  "Redis stands still",
  "PostgreSQL stands still",
  "connections silent",
] as const;

export type FaultKind = (typeof MIXED_FAULT_KINDS)[number];

/** The maximum time for which killed servers and programs are down. */
const AWAY_MS = 1200;
/** The maximum time for which servers are paused. */
const STILL_MS = 2000;
/** The maximum time for which a silent proxy passes nothing on; its earlier connections stay silent. */
const SILENT_MS = 5000;

/** A fault that has started. */
export interface Fault {
  /** What was done to which target. */
  readonly what: string;
  /** Resolves when everything works again. */
  readonly over: Promise<void>;
}

/** Injects a fault; returns `undefined` if one is in progress on the victim. */
export function doHarm(
  cluster: ServiceCluster,
  kind: FaultKind,
  below: (limit: number) => number,
): Fault | undefined {
  const { api, workers, python } = cluster.programs!;
  const awayMs = below(AWAY_MS);
  const stillMs = below(STILL_MS);
  const oneOf = (victims: readonly Victim[]) => victims[below(victims.length)]!;
  const worker = oneOf(kind.startsWith("Python") ? python : workers);
  const workerStillMs = 1000 * VISIBILITY_TIMEOUT_SECONDS + 500 + stillMs;
  const names = Object.keys(cluster.proxies) as (keyof Proxies)[];
  const { redis, postgres, s3 } = cluster.servers;
  const name = names[below(names.length)]!;
  switch (kind) {
    case "API killed":
      return kill(api, awayMs);
    case "API stands still":
      return standStill(api, stillMs);
    case "worker killed":
    case "Python worker killed":
      return kill(worker, awayMs);
    case "worker stands still":
    case "Python worker stands still":
      return standStill(worker, workerStillMs);
    case "connections cut":
      cluster.proxies[name].cutAll();
      return {
        what: `connections to ${name} cut`,
        over: name === "redis" ? afterRedisLoss(cluster) : Promise.resolve(),
      };
    case "connections silent":
      return silence(cluster, name, below(SILENT_MS));
    case "Redis killed": {
      const fault = kill(redis, awayMs);
      return fault && { ...fault, over: fault.over.then(() => afterRedisLoss(cluster)) };
    }
    case "Redis stands still":
      return standStill(redis, stillMs);
    case "PostgreSQL killed":
      return kill(postgres, awayMs);
    case "PostgreSQL stands still":
      return standStill(postgres, stillMs);
    case "MinIO killed":
      return kill(s3, awayMs);
    case "MinIO stands still":
      return standStill(s3, stillMs);
  }
}

/** Before Celery 5.3, a worker that loses its connection to Redis reconnects, but takes no task again. */
async function afterRedisLoss(cluster: ServiceCluster): Promise<void> {
  if (cluster.isPythonDeaf) await restartPython(cluster);
}

async function restartPython({ programs }: ServiceCluster): Promise<void> {
  const free = programs!.python.filter(({ isFree }) => isFree);
  await Promise.all(free.map((each) => each.killFor(0)));
}

function kill(target: Victim, ms: number): Fault | undefined {
  if (!target.isFree) return undefined;
  return { what: `${target.name} killed, back after ${ms} ms`, over: target.killFor(ms) };
}

function standStill(target: Victim, ms: number): Fault | undefined {
  if (!target.isFree) return undefined;
  return { what: `${target.name} stands still for ${ms} ms`, over: target.standStillFor(ms) };
}

function silence(cluster: ServiceCluster, name: keyof Proxies, ms: number): Fault | undefined {
  const proxy = cluster.proxies[name];
  if (proxy.isSilent) return undefined;
  proxy.silence();
  const over = pause(ms).then(async () => {
    proxy.resume();
    // What was swallowed is lost, and Python's workers wait for it forever.
    if (name === "redis") await restartPython(cluster);
  });
  return { what: `connections to ${name} silent for ${ms} ms`, over };
}
