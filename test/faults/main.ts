// npm run test:faults -- --rounds 20 --seed 1 [--of fleet|service|cluster|mixed|python|many-runs|kills|silence|fuzz]
//
// fleet: chords whose workers and Redis are killed and paused. service: a service that is killed while clients upload
// and runs are in progress. cluster: a cluster whose API, workers and stores are killed, paused and disconnected. mixed
// and python: the same with many runs, and with Python workers on one queue or on all. many-runs: many runs without
// faults. kills: how much a killed worker delays a run. silence: a cluster whose stores go silent, each case once.
// fuzz: `rounds` odd messages. Prints one line of JSON per round or case.
import { parseArgs } from "node:util";
import { clusterFaults } from "./cluster.js";
import { fleetFaults } from "./fleet.js";
import { fuzz } from "./fuzz.js";
import { killCosts } from "./kills.js";
import { manyRuns } from "./many-runs.js";
import { mixedFaults, pythonFaults } from "./mixed.js";
import { serviceFaults } from "./service.js";
import { silenceCases, silenceFaults } from "./silence.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    of: { type: "string", default: "all" },
  },
});
const rounds = wholeNumber("--rounds", values.rounds);
const seed = wholeNumber("--seed", values.seed);
const parts = {
  fleet: fleetFaults,
  service: serviceFaults,
  cluster: clusterFaults,
  mixed: mixedFaults,
  python: pythonFaults,
  "many-runs": manyRuns,
  kills: killCosts,
  silence: silenceFaults,
  fuzz,
};

let failed = 0;
let done = 0;
for (const [name, faults] of Object.entries(parts)) {
  if (values.of !== "all" && values.of !== name) continue;
  const failures = await faults(rounds, seed);
  const count = name === "silence" ? silenceCases().length : rounds;
  console.log(`${name}: ${count - failures} passed, ${failures} failed`);
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
