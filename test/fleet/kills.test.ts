// A few kills of ../faults/kills.ts, which makes any number of them.
import test from "ava";
import { ServiceCluster } from "./cluster.js";
import { killCost, startCompany } from "./kill-cost.js";

/** What a kill may cost, plus a generous allowance for the run itself. */
const MAX_MS = 30_000 + 30_000;

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start({ durable: false });
});
test.afterEach.always(async (t) => {
  const output = await cluster.endWorkers();
  if (!t.passed) t.log(output);
});
test.after.always(() => cluster?.remove());

for (const company of ["ours alone", "mixed"] as const) {
  test.serial(`a killed worker delays a run only briefly: ${company}`, async (t) => {
    await startCompany(cluster, company);
    const cost = await killCost(cluster, company);
    t.log(cost);
    t.true(cost.afterKillMs < MAX_MS, `${cost.afterKillMs} ms after the kill`);
    await cluster.allAcknowledged();
  });
}
