import type { Proxies, ServiceCluster } from "./service-cluster.js";
import { VISIBILITY_TIMEOUT_SECONDS } from "./service-cluster.js";
import type { Victim } from "./victim.js";

/** What can be done to a cluster; each is over after a while. */
export type FaultKind =
  | "API killed"
  | "worker killed"
  | "worker stands still"
  | "connections cut"
  | "Redis killed"
  | "PostgreSQL killed"
  | "MinIO killed"
  | "MinIO stands still";

export const FAULT_KINDS: readonly FaultKind[] = [
  "API killed",
  "worker killed",
  "worker stands still",
  "connections cut",
  "Redis killed",
  "PostgreSQL killed",
  "MinIO killed",
  "MinIO stands still",
];

/** Servers and programs are away for so long, at most. */
const AWAY_MS = 1200;
/** MinIO keeps its clients waiting so long, at most. */
const STILL_MS = 2000;

/** A fault that has begun. */
export interface Fault {
  /** What was done, and to whom. */
  readonly what: string;
  /** Resolves when all is as before. */
  readonly over: Promise<void>;
}

/** Does some harm; `undefined` where the victim suffers already. */
export function doHarm(
  cluster: ServiceCluster,
  kind: FaultKind,
  below: (limit: number) => number,
): Fault | undefined {
  const { api, workers } = cluster.programs!;
  const awayMs = below(AWAY_MS);
  const stillMs = below(STILL_MS);
  const worker = workers[below(2)]!;
  const names = Object.keys(cluster.proxies) as (keyof Proxies)[];
  const { redis, postgres, s3 } = cluster.servers;
  const cut = names[below(names.length)]!;
  switch (kind) {
    case "API killed":
      return kill(api, awayMs);
    case "worker killed":
      return kill(worker, awayMs);
    case "worker stands still":
      return standStill(worker, 1000 * VISIBILITY_TIMEOUT_SECONDS + 500 + stillMs);
    case "connections cut":
      cluster.proxies[cut].cutAll();
      return { what: `connections to ${cut} cut`, over: Promise.resolve() };
    case "Redis killed":
      return kill(redis, awayMs);
    case "PostgreSQL killed":
      return kill(postgres, awayMs);
    case "MinIO killed":
      return kill(s3, awayMs);
    case "MinIO stands still":
      return standStill(s3, stillMs);
  }
}

function kill(target: Victim, ms: number): Fault | undefined {
  if (!target.isFree) return undefined;
  return { what: `${target.name} killed, back after ${ms} ms`, over: target.killFor(ms) };
}

function standStill(target: Victim, ms: number): Fault | undefined {
  if (!target.isFree) return undefined;
  return { what: `${target.name} stands still for ${ms} ms`, over: target.standStillFor(ms) };
}
