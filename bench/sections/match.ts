import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import { compare, readClkBytes } from "../../src/library/node.js";
import { benchDataset } from "../datasets.js";
import { alternately, type Bench, type Cell, type Section } from "../measure.js";

const THRESHOLDS = [0.95, 0.9, 0.8, 0.7];

/** Target ratios at 20,000 × 20,000, by share of ones and threshold. */
const AIMS: Record<number, Record<number, number>> = {
  36: { 0.95: 42, 0.9: 20, 0.8: 9, 0.7: 5.2 },
  50: { 0.95: 14, 0.9: 11, 0.8: 4.6, 0.7: 2.6 },
  58: { 0.95: 4, 0.9: 4, 0.8: 2.7 },
};

/** All pairs of two data sets: our whole `compare`, on one thread, against anonlink's C++. */
export async function matchSection(bench: Bench): Promise<Section> {
  const cells: Cell[] = [];
  const febrl = ["a", "b"].map((side) =>
    fileURLToPath(new URL(`../../test/data/febrl4-1k/clks-${side}.bin`, import.meta.url)),
  );
  const [left, right] = febrl.map((path) => readClkBytes(readFileSync(path), { byteLength: 128 }).dataset);
  await measure(bench, cells, "febrl4-1k", left!, right!, febrl);
  for (const onesShare of [36, 50, 58] as const) {
    for (const rows of bench.quick ? [1000] : [1000, 5000, 20_000]) {
      const data = benchDataset({ rows, onesShare });
      const aims = rows === 20_000 ? AIMS[onesShare] : undefined;
      const name = `${onesShare} % ones, ${rows.toLocaleString("en-US")} rows`;
      await measure(bench, cells, name, data.left, data.right, Object.values(data.paths).slice(0, 2), aims);
    }
  }
  const about =
    "Two data sets of 1,024-bit CLKs, every pair compared, all pairs put out in order; our `compare` with one thread " +
    "against anonlink's `dice_coefficient_accelerated` (C++, one thread).";
  return { title: "Comparing", about, cells };
}

async function measure(
  bench: Bench,
  cells: Cell[],
  name: string,
  left: ClkDataset,
  right: ClkDataset,
  paths: string[],
  aims: Record<number, number> = {},
): Promise<void> {
  await bench.peer?.ask({ ask: "load", name, paths });
  for (const threshold of THRESHOLDS) {
    const ours = async () => (await compare(left, right, { threshold, threads: 1 })).pairs.scores.length;
    const aim = aims[threshold];
    // Work of a few milliseconds takes longer until the engine has optimized its code.
    const warmUps = left.recordCount > 1000 ? 3 : 20;
    const options = { warmUps, ...(aim === undefined ? {} : { aim }) };
    cells.push(
      await alternately(bench, `${name}, ${threshold}`, ours, { ask: "dice", name, threshold }, options),
    );
  }
}
