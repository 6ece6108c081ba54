import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Bench, report, type Section } from "../measure.js";

const MIB = 2 ** 20;

/** Peak memory of comparing a million records with a million: a part of the work, in a separate process. */
export async function memorySection(bench: Bench): Promise<Section> {
  const rows = bench.quick ? 100_000 : 1_000_000;
  const paths = ["left", "right"].map((side, n) => randomFile(`random-${rows}-${side}`, rows, n + 1));
  const child = fileURLToPath(new URL("../memory-child.ts", import.meta.url));
  const answer = execFileSync(process.execPath, ["--import=tsx", child, ...paths, bench.quick ? "5" : "40"], {
    encoding: "utf8",
  });
  const { peakBytes, comparisons, seconds, threads } = JSON.parse(answer) as Record<string, number>;
  const data = (2 * rows * 128) / MIB;
  const peak = peakBytes! / MIB;
  const limit = 2 * data + 300;
  const note =
    `peak ${peak.toFixed(0)} MiB of at most ${limit.toFixed(0)} MiB (2 × ${data.toFixed(0)} MiB of data + 300), ` +
    `${(comparisons! / 1e9).toFixed(1)} of ${(rows ** 2 / 1e9).toFixed(0)} billion comparisons, ${threads} threads`;
  const cell = report({
    what: `${rows.toLocaleString("en-US")} × ${rows.toLocaleString("en-US")} at 0.95`,
    ours: seconds!,
    note,
  });
  return {
    title: "Memory",
    about: "Random CLKs of 1,024 bits, half of them ones; stopped after a slice.",
    cells: [cell],
  };
}

/** A file of random records, written once. */
function randomFile(name: string, rows: number, seed: number): string {
  const folder = fileURLToPath(new URL("../../.cache/bench/", import.meta.url));
  const path = `${folder}${name}.bin`;
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    const words = new Uint32Array(32 * rows);
    let state = seed;
    for (let n = 0; n < words.length; n++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[n] = state;
    }
    writeFileSync(path, words);
  }
  return path;
}
