import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import { MatchCollector } from "../../src/core/kernel/match-collector.js";
import { overlapLimits } from "../../src/core/overlap-limits.js";
import { loadKernels } from "../../src/library/engine.js";
import { compare, readClkBytes } from "../../src/library/node.js";
import { alternately, type Bench, type Cell, type Section } from "../measure.js";

const THRESHOLD = 0.6;

/** How much of the time is output, at a threshold that three quarters of the pairs pass? */
export async function outputSection(bench: Bench): Promise<Section> {
  const paths = ["a", "b"].map((side) =>
    fileURLToPath(new URL(`../../test/data/febrl4-1k/clks-${side}.bin`, import.meta.url)),
  );
  const [left, right] = paths.map(
    (path) => readClkBytes(readFileSync(path), { byteLength: 128 }).dataset,
  ) as [ClkDataset, ClkDataset];
  const kernel = (await loadKernels()).get("scalar");
  const compareOnly = () => {
    const matches = new MatchCollector();
    const rows = (dataset: ClkDataset) => ({
      dataset,
      popcounts: kernel.popcounts(dataset),
      from: 0,
      to: dataset.recordCount,
    });
    for (const _ of kernel.compareRows(rows(left), rows(right), overlapLimits(THRESHOLD, 128), matches));
    return matches.count;
  };
  const whole = async () =>
    (await compare(left, right, { threshold: THRESHOLD, threads: 1 })).pairs.scores.length;
  const name = "output";
  await bench.peer?.ask({ ask: "load", name, paths });
  const options = { warmUps: 25 };
  const cells = [
    await alternately(bench, "comparing alone (our kernel)", compareOnly, undefined, options),
    await alternately(
      bench,
      "compare, all pairs in order",
      whole,
      { ask: "dice", name, threshold: THRESHOLD },
      options,
    ),
    await alternately(
      bench,
      "the same, against find_candidate_pairs",
      whole,
      { ask: "find", name, threshold: THRESHOLD },
      options,
    ),
  ];
  const [alone, all] = cells as [Cell, Cell];
  const share = Math.round(100 * (1 - alone.ours / all.ours));
  const about = `febrl4-1k at ${THRESHOLD}: 76 % of a million pairs pass. Ordering and output take ${share} % of \`compare\`.`;
  return { title: "Output", about, cells };
}
