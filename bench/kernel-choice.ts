// When does the bit-sliced kernel pay off? `npx tsx bench/kernel-choice.ts` prints the times of both kernels by number
// of rows and by threshold: the numbers behind src/core/kernel/choose-kernel.ts.
import { createClkDataset } from "../src/core/clk-dataset.js";
import type { KernelName } from "../src/core/kernel/kernel.js";
import { MatchCollector } from "../src/core/kernel/match-collector.js";
import { overlapLimits } from "../src/core/overlap-limits.js";
import { loadKernels } from "../src/library/engine.js";
import { benchDataset } from "./datasets.js";

const RUNS = 15;
const kernels = await loadKernels();

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

for (const onesShare of [36, 58] as const) {
  const { left, right } = benchDataset({ rows: 5000, onesShare });
  for (const threshold of [0.95, 0.8, 0.7, 0.65, 0.6, 0.5]) {
    for (const rows of [50, 100, 200, 400, 700, 1000, 2000, 4000]) {
      if (threshold < 0.65 && rows > 2000) continue;
      const limits = overlapLimits(threshold, 128);
      const [a, b] = [left, right].map((side) => createClkDataset(side.bytes.subarray(0, rows * 128), 128));
      const times: Record<string, number[]> = { "bit-sliced": [], scalar: [] };
      let passing = 0;
      for (let run = 0; run < RUNS; run++) {
        for (const name of ["bit-sliced", "scalar"] as KernelName[]) {
          const kernel = kernels.get(name);
          const matches = new MatchCollector();
          const start = performance.now();
          const range = (dataset: typeof left) => ({
            dataset,
            popcounts: kernel.popcounts(dataset),
            from: 0,
            to: rows,
          });
          for (const _ of kernel.compareRows(range(a!), range(b!), limits, matches));
          times[name]!.push(performance.now() - start);
          passing = matches.count / rows ** 2;
        }
      }
      const [sliced, scalar] = [median(times["bit-sliced"]!), median(times["scalar"]!)];
      console.log(
        `${onesShare} % ones, threshold ${threshold}, ${rows} rows, ${(100 * passing).toFixed(2)} % pass: ` +
          `bit-sliced ${sliced.toFixed(2)} ms, scalar ${scalar.toFixed(2)} ms, ratio ${(scalar / sliced).toFixed(2)}`,
      );
    }
  }
}
