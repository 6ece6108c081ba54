// A few rounds of service.ts, which runs any number of them.
import test from "ava";
import { runServiceRound } from "./service-round.js";

for (const seed of [1, 2, 3]) {
  test.serial(`uploads and runs survive the kills of seed ${seed}`, async (t) => {
    const outcome = await runServiceRound(seed);
    t.log(JSON.stringify(outcome));
    t.is(outcome.error, undefined);
  });
}
