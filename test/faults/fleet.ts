import { ServiceCluster } from "../fleet/cluster.js";
import { runRound, VISIBILITY_TIMEOUT_SECONDS } from "../fleet/round.js";

/** The worker part of `npm run test:faults`: prints one line of JSON per round. Returns the number of failed rounds. */
export async function fleetFaults(rounds: number, seed: number): Promise<number> {
  const cluster = await ServiceCluster.start({ visibilityTimeoutSeconds: VISIBILITY_TIMEOUT_SECONDS });
  let failed = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const outcome = await runRound(cluster, round + 1, seed + round);
      console.log(JSON.stringify(outcome));
      if (outcome.error !== undefined) failed++;
      const output = await cluster.endWorkers();
      if (outcome.error !== undefined) console.error(output);
    }
  } finally {
    await cluster.remove();
  }
  return failed;
}
