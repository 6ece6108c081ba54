// A few rounds of cluster.ts, which runs any number of them.
import test from "ava";
import { runClusterRound } from "./cluster-round.js";
import { ServiceCluster } from "./service-cluster.js";

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.after.always(() => cluster?.remove());

for (const seed of [1, 2, 3]) {
  test.serial(`uploads and runs of a cluster survive the faults of seed ${seed}`, async (t) => {
    const { output, ...outcome } = await runClusterRound(cluster, seed);
    t.log(JSON.stringify(outcome));
    if (outcome.error !== undefined) t.log(output);
    t.is(outcome.error, undefined);
  });
}
