// The cluster's part of `npm run test:faults`: a line of JSON for each round.
import { runClusterRound } from "./cluster-round.js";
import { ServiceCluster } from "./service-cluster.js";

/** @returns how many rounds failed */
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
      await cluster.remove(); // what is left would be found in the next round
      cluster = await ServiceCluster.start();
    }
  } finally {
    await cluster.remove();
  }
  return failed;
}
