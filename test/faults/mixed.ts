// The parts of `npm run test:faults` with Python workers: they print one line of JSON per round.
import type { FleetLine } from "../fleet/fleet-python.js";
import { type MixedRound, runMixedRound } from "./mixed-round.js";
import { type Fleet, ServiceCluster } from "./service-cluster.js";

/** The newest line of Celery for odd seeds, an older one for even seeds. */
export function lineOf(seed: number): FleetLine {
  return seed % 2 === 1 ? "newest" : "5.2";
}

/** @returns the number of failed rounds */
export function mixedFaults(rounds: number, seed: number): Promise<number> {
  return runRounds(rounds, seed, "mixed", true);
}

/**
 * Rounds with Python workers on all queues and one of ours: without faults, then with them.
 *
 * @returns the number of failed rounds
 */
export async function pythonFaults(rounds: number, seed: number): Promise<number> {
  const failed = await runRounds(Math.ceil(rounds / 5), seed, "python", false);
  return failed + (await runRounds(rounds, seed, "python", true));
}

async function runRounds(rounds: number, seed: number, fleet: Fleet, withFaults: boolean): Promise<number> {
  let cluster = await ServiceCluster.start();
  const outcomes: MixedRound[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const options = { fleet, line: lineOf(seed + round), withFaults };
      const { output, ...outcome } = await runMixedRound(cluster, seed + round, options);
      console.log(JSON.stringify({ round: round + 1, ...outcome }));
      outcomes.push(outcome);
      if (outcome.error === undefined) continue;
      console.error(output);
      await cluster.remove(); // leftovers would fail the next round
      cluster = await ServiceCluster.start();
    }
  } finally {
    await cluster.remove();
  }
  console.log(JSON.stringify({ fleet, withFaults, ...summarize(outcomes) }));
  return outcomes.filter(({ error }) => error !== undefined).length;
}

/** Summarizes all rounds: how runs ended, and what had been repeated in those without the right result. */
function summarize(rounds: readonly MixedRound[]) {
  const outcomes: Record<string, number> = {};
  const repeatedIn: Record<string, number> = {};
  const executions = { packages: 0, ours: 0, python: 0, repeatedByOurs: 0, repeatedByPython: 0 };
  for (const round of rounds) {
    for (const [outcome, count] of Object.entries(round.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
    for (const name of Object.keys(executions) as (keyof typeof executions)[])
      executions[name] += round.executions[name];
    for (const { repeats } of round.spoiled) {
      const whats = Object.keys(repeats);
      for (const what of whats.length === 0 ? ["nothing"] : whats)
        repeatedIn[what] = (repeatedIn[what] ?? 0) + 1;
    }
  }
  return { rounds: rounds.length, outcomes, spoiledRunsWithRepeats: repeatedIn, executions };
}
