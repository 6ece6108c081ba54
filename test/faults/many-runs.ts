// Many runs without faults: a part of `npm run test:faults`; prints one line of JSON per round.
import { runManyRunsRound } from "./many-runs-round.js";
import { lineOf } from "./mixed.js";
import { type Fleet, ServiceCluster } from "./service-cluster.js";

export const MANY_RUNS_FLEETS: readonly Fleet[] = ["ours", "divided", "mixed", "python"];

/** Runs `rounds` rounds with each fleet. Returns the number of failed rounds. */
export async function manyRuns(rounds: number, seed: number): Promise<number> {
  let failed = 0;
  for (const fleet of MANY_RUNS_FLEETS) {
    const cluster = await ServiceCluster.start();
    try {
      for (let round = 0; round < rounds; round++) {
        const at = seed + round;
        const { output, ...outcome } = await runManyRunsRound(cluster, at, fleet, lineOf(at));
        console.log(JSON.stringify({ round: round + 1, ...outcome }));
        if (outcome.error === undefined) continue;
        failed++;
        console.error(output);
      }
    } finally {
      await cluster.remove();
    }
  }
  return failed;
}
