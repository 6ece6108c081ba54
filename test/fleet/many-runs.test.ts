// Many runs of a project with our workers, Python's, and both. MANY_RUNS_ROUNDS sets the number of rounds with each
// fleet (default 1); `npm run test:faults -- --of many-runs` runs any number of them.
import test from "ava";
import { MANY_RUNS_FLEETS } from "../faults/many-runs.js";
import { runManyRunsRound } from "../faults/many-runs-round.js";
import { lineOf } from "../faults/mixed.js";
import { ServiceCluster } from "../faults/service-cluster.js";

const ROUNDS = Number(process.env["MANY_RUNS_ROUNDS"] ?? 1);

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.after.always(() => cluster?.remove());

for (const fleet of MANY_RUNS_FLEETS) {
  for (let seed = 1; seed <= ROUNDS; seed++) {
    test.serial(
      `fleet ${fleet}, seed ${seed}: each package is compared once, and results equal the library's`,
      async (t) => {
        t.timeout(1_200_000);
        const { output, ...outcome } = await runManyRunsRound(cluster, seed, fleet, lineOf(seed));
        t.log(JSON.stringify(outcome));
        if (outcome.error !== undefined) t.log(output);
        t.is(outcome.error, undefined);
      },
    );
  }
}
