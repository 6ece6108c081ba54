// npm run test:faults -- --rounds 20 --seed 1: chords whose workers and Redis are killed; a line of JSON for each round.
import { parseArgs } from "node:util";
import { ServiceCluster } from "./cluster.js";
import { runRound, VISIBILITY_TIMEOUT_SECONDS } from "./round.js";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, seed: { type: "string", default: "1" } },
});
const rounds = wholeNumber("--rounds", values.rounds);
const seed = wholeNumber("--seed", values.seed);

const cluster = await ServiceCluster.start({ visibilityTimeoutSeconds: VISIBILITY_TIMEOUT_SECONDS });
let failed = 0;
try {
  for (let round = 0; round < rounds; round++) {
    const outcome = await runRound(cluster, round + 1, seed + round);
    console.log(JSON.stringify(outcome));
    if (outcome.error !== undefined) failed++;
    const output = await cluster.endWorkers();
    if (outcome.error !== undefined) console.error(output);
  }
} finally {
  await cluster.remove();
}
console.log(`${rounds - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${option}: expected a whole number, got ${text}`);
  return Number(text);
}
