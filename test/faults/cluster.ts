// The cluster part of `npm run test:faults`: prints one line of JSON per round.
import { runClusterRound } from "./cluster-round.js";
import { ServiceCluster } from "./service-cluster.js";

/** @returns the number of failed rounds */
export async function clusterFaults(rounds: number, seed: number): Promise<number> {
  let cluster = await ServiceCluster.start();
  let failed = 0;
  try {
    for (let round = 0; round < rounds; round++) {
      const { output, ...outcome } = await runClusterRound(cluster, seed + round);
      console.log(JSON.stringify({ round: round + 1, ...outcome }));
      if (outcome.error === undefined) continue;
      failed++;
      console.error(output);
      await cluster.remove(); // leftovers would fail the next round
      cluster = await ServiceCluster.start();
    }
  } finally {
    await cluster.remove();
  }
  return failed;
}
