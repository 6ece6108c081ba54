// The cluster's part of `npm run test:faults`: a line of JSON for each round.
import { FragileCluster, runClusterRound } from "./cluster-round.js";

/** @returns how many rounds failed */
export async function clusterFaults(rounds: number, seed: number): Promise<number> {
  let failed = 0;
  for (const kind of ["tables", "packed"] as const) {
    const fragile = await FragileCluster.start(kind);
    try {
      for (let round = kind === "tables" ? 0 : 1; round < rounds; round += 2) {
        const outcome = await runClusterRound(fragile, seed + round);
        console.log(JSON.stringify({ round: round + 1, ...outcome }));
        if (outcome.error === undefined) continue;
        failed++;
        console.error(fragile.cluster.output);
      }
    } finally {
      await fragile.close();
    }
  }
  return failed;
}
