// npm run test:faults -- --rounds 20 --seed 1 [--of fleet|service|cluster]: chords whose workers and Redis are killed and
// held up; a service that is killed as clients upload and runs go on; and a cluster whose API, workers and stores are
// killed, held up and cut off. A line of JSON for each round.
import { parseArgs } from "node:util";
import { clusterFaults } from "./cluster.js";
import { fleetFaults } from "./fleet.js";
import { serviceFaults } from "./service.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    of: { type: "string", default: "all" },
  },
});
const rounds = wholeNumber("--rounds", values.rounds);
const seed = wholeNumber("--seed", values.seed);
const parts = { fleet: fleetFaults, service: serviceFaults, cluster: clusterFaults };

let failed = 0;
let done = 0;
for (const [name, faults] of Object.entries(parts)) {
  if (values.of !== "all" && values.of !== name) continue;
  const failures = await faults(rounds, seed);
  console.log(`${name}: ${rounds - failures} passed, ${failures} failed`);
  failed += failures;
  done++;
}
if (done === 0)
  throw new RangeError(`--of: expected one of all, ${Object.keys(parts).join(", ")}, got ${values.of}`);
process.exitCode = failed === 0 ? 0 : 1;

function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new RangeError(`${option}: expected a whole number, got ${text}`);
  return Number(text);
}
