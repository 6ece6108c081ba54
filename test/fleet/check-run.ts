import type { ExecutionContext } from "ava";
import type { PartyData } from "../servers/entity-service-data.js";
import type { ServiceCluster, StartedRun } from "./cluster.js";
import { expected } from "./data.js";

/** Checks a run's whole outcome: the five columns of its result, the progress, and that no message is left. */
export async function isRight(
  t: ExecutionContext,
  cluster: ServiceCluster,
  run: StartedRun,
  parties: readonly PartyData[],
  threshold: number,
): Promise<void> {
  const { pairs, comparisons } = await expected(parties, threshold);
  t.deepEqual(await cluster.result(run), pairs);
  await cluster.allAcknowledged();
  t.like(await cluster.progress(run), { state: "complete", comparisons: String(comparisons) });
}
