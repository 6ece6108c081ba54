import { ServiceCluster } from "../fleet/cluster.js";
import { type Company, killCost, startCompany, undisturbedMs } from "../fleet/kill-cost.js";

const COMPANIES: readonly Company[] = ["ours alone", "mixed"];
const UNDISTURBED_RUNS = 5;
/** A dead worker must delay a run by less than this. */
const MAX_COST_MS = 30_000;

/**
 * Measures how much a killed worker delays a run, with one of our workers remaining, and with a Python worker as well.
 * Prints one line of JSON per kill, and the median and maximum delay compared with a run without a kill.
 *
 * @returns the number of kills that cost too much
 */
export async function killCosts(rounds: number, _seed: number): Promise<number> {
  const cluster = await ServiceCluster.start({ durable: false });
  let failed = 0;
  try {
    for (const company of COMPANIES) {
      await startCompany(cluster, company);
      const undisturbed: number[] = [];
      for (let n = 0; n < UNDISTURBED_RUNS; n++) undisturbed.push(await undisturbedMs(cluster));
      const usualMs = median(undisturbed);
      console.log(JSON.stringify({ company, undisturbedMs: undisturbed.map(Math.round) }));
      const costs: number[] = [];
      for (let round = 1; round <= rounds; round++) {
        const { runMs, afterKillMs, held } = await killCost(cluster, company);
        costs.push(runMs - usualMs);
        const times = { runMs: Math.round(runMs), afterKillMs: Math.round(afterKillMs) };
        console.log(JSON.stringify({ company, round, held, ...times, costMs: Math.round(runMs - usualMs) }));
      }
      failed += costs.filter((cost) => cost >= MAX_COST_MS).length;
      const figures = { medianMs: Math.round(median(costs)), worstMs: Math.round(Math.max(...costs)) };
      console.log(JSON.stringify({ company, kills: rounds, ...figures }));
      const output = await cluster.endWorkers();
      if (failed > 0) console.error(output);
    }
  } finally {
    await cluster.remove();
  }
  return failed;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
