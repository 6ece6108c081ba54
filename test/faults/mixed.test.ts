// A few rounds of mixed.ts, which runs any number of them.
import test from "ava";
import { lineOf } from "./mixed.js";
import { runMixedRound } from "./mixed-round.js";
import { ServiceCluster } from "./service-cluster.js";

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.after.always(() => cluster?.remove());

for (const seed of [1, 2, 3, 4, 5]) {
  test.serial(`many runs of a mixed fleet survive the faults of seed ${seed}`, async (t) => {
    t.timeout(1_200_000);
    const options = { fleet: "mixed", line: lineOf(seed) } as const;
    const { output, ...outcome } = await runMixedRound(cluster, seed, options);
    t.log(JSON.stringify(outcome));
    if (outcome.error !== undefined) t.log(output);
    t.is(outcome.error, undefined);
  });
}
