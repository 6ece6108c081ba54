// A few rounds of ../faults/fleet.ts, which runs any number of them.
import test from "ava";
import { ServiceCluster } from "./cluster.js";
import { runRound, VISIBILITY_TIMEOUT_SECONDS } from "./round.js";

const SEEDS = [1, 2, 3];

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start({ visibilityTimeoutSeconds: VISIBILITY_TIMEOUT_SECONDS });
});
test.afterEach.always(async (t) => {
  const output = await cluster.endWorkers();
  if (!t.passed) t.log(output);
});
test.after.always(() => cluster?.remove());

for (const seed of SEEDS) {
  test.serial(`a chord survives the faults of seed ${seed}`, async (t) => {
    const outcome = await runRound(cluster, seed, seed);
    t.log(outcome);
    t.is(outcome.error, undefined);
  });
}
