// Some rounds of cluster.ts, which runs as many as are wanted.
import test from "ava";
import { FragileCluster, runClusterRound } from "./cluster-round.js";

for (const [kind, seeds] of [
  ["tables", [1, 2, 3]],
  ["packed", [4, 5]],
] as const) {
  test.serial(`a cluster (${kind}) survives the kills of its parts and servers`, async (t) => {
    const fragile = await FragileCluster.start(kind);
    try {
      for (const seed of seeds) {
        const outcome = await runClusterRound(fragile, seed);
        t.log(JSON.stringify(outcome));
        if (outcome.error !== undefined) t.log(fragile.cluster.output);
        t.is(outcome.error, undefined);
      }
    } finally {
      await fragile.close();
    }
  });
}
