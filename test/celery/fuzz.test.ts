// A few messages of fuzz/fuzz.ts; `npm run test:faults -- --of fuzz --rounds 10000` sends any number.
import test from "ava";
import { runFuzz } from "./fuzz/fuzz.js";

const MESSAGES = 200;

test("every odd message ends in a result or a rejection", async (t) => {
  const { problems, ...outcome } = await runFuzz("newest", 1, MESSAGES);
  t.log(JSON.stringify(outcome));
  t.deepEqual(problems, []);
  t.true(outcome.grownMebibytes < 200);
});
