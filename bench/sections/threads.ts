import { availableParallelism } from "node:os";
import { compare } from "../../src/library/node.js";
import { benchDataset } from "../datasets.js";
import { type Bench, type Cell, median, report, type Section, seconds } from "../measure.js";

/** More measurements than usual: they are short, and disturbed if the scheduler puts both threads on one core. */
const REPEATS = 3;
/** Enough for the engine to switch to its optimized code in every thread. */
const WARM_UPS = 10;

/** One of our threads against all of ours, alternately. */
export async function threadsSection(bench: Bench): Promise<Section> {
  const cells: Cell[] = [];
  const threads = availableParallelism();
  for (const onesShare of [36, 58] as const) {
    const { left, right } = benchDataset({ rows: bench.quick ? 5000 : 20_000, onesShare });
    for (const threshold of [0.95, 0.9, 0.8, 0.7]) {
      const times: number[][] = [[], []];
      for (let run = -WARM_UPS; run < REPEATS * bench.runs; run++) {
        for (const [n, count] of [1, threads].entries()) {
          const time = await seconds(() => compare(left, right, { threshold, threads: count }));
          if (run >= 0) times[n]!.push(time);
        }
      }
      const [one, all] = times.map(median);
      const what = `${onesShare} % ones, ${left.recordCount.toLocaleString("en-US")} rows, ${threshold}`;
      cells.push(
        report({
          what,
          ours: all!,
          theirs: one!,
          ratio: one! / all!,
          ...(threads === 2 ? { aim: 1.7 } : {}),
        }),
      );
    }
  }
  const about = `${threads} threads of ours against one of ours ("theirs" is our one thread), ${REPEATS * bench.runs} runs each.`;
  return { title: "Threads", about, cells };
}
