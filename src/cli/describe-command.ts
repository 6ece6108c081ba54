import { Command, Option } from "commander";
import { type DatasetDescription, describeDataset, MAX_BYTE_LENGTH } from "../library/node.js";
import { type Bar, drawHistogram } from "./histogram.js";
import { countValue } from "./option-values.js";
import { readInput } from "./read-input.js";
import { writeOutput } from "./write-output.js";

/** Maximum number of bars in the popcount histogram. */
const BAR_COUNT = 20;

/** `anonlink-wasm describe`: describes one file of CLKs. */
export function describeCommand(): Command {
  return new Command("describe")
    .summary("describe a file of CLKs")
    .description(
      "Show how many CLKs a file contains, their width and how full they are, and warn about anything suspicious.",
    )
    .argument("<file>", "a file of CLKs, or - for standard input")
    .addOption(
      new Option("--byte-length <number>", "bytes in a CLK; required for raw rows").argParser(
        countValue(MAX_BYTE_LENGTH),
      ),
    )
    .addOption(new Option("--format <format>", "output format").choices(["text", "json"]).default("text"))
    .action(async (file: string, options: { byteLength?: number; format: "text" | "json" }) => {
      const { dataset, blocks } = await readInput(file, options.byteLength);
      const description = describeDataset(dataset);
      const blockCount = blocks?.names.length;
      await writeOutput(
        [options.format === "json" ? asJson(description, blockCount) : asText(description, blockCount)],
        undefined,
      );
    });
}

function asJson({ popcounts, ...facts }: DatasetDescription, blockCount: number | undefined): string {
  const counts = Array.from(popcounts.counts);
  return `${JSON.stringify({ ...facts, blockCount, popcounts: { ...popcounts, counts } }, null, 2)}\n`;
}

function asText(description: DatasetDescription, blockCount: number | undefined): string {
  const { recordCount, byteLength, popcounts, warnings } = description;
  const bits = 8 * byteLength;
  const { min, lowerQuartile, median, upperQuartile, max, mean, standardDeviation } = popcounts;
  const lines = [
    `rows         ${recordCount.toLocaleString("en-US")}`,
    `byteLength   ${byteLength} (${bits} bits)`,
    ...(blockCount === undefined ? [] : [`blocks       ${blockCount.toLocaleString("en-US")}`]),
    `set bits     mean ${mean.toFixed(1)} (${((100 * mean) / bits).toFixed(1)} %), deviation ${standardDeviation.toFixed(1)}, ` +
      `from ${min} to ${max}, quartiles ${lowerQuartile}, ${median}, ${upperQuartile}`,
    ...(recordCount === 0 ? [] : [drawHistogram(popcountBars(popcounts.counts, min, max))]),
    ...warnings.map((warning) => `Warning: ${warning}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Records by number of set bits, from the lowest to the highest number that occurs. */
function popcountBars(counts: Uint32Array, min: number, max: number): Bar[] {
  const width = Math.ceil((max - min + 1) / BAR_COUNT);
  const bars: Bar[] = [];
  for (let from = min; from <= max; from += width) {
    const to = Math.min(max, from + width - 1);
    const count = counts.subarray(from, to + 1).reduce((sum, next) => sum + next, 0);
    bars.push({ label: from === to ? `${from}` : `${from}–${to}`, count });
  }
  return bars;
}
