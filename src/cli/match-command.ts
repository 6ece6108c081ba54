import { resolve } from "node:path";
import { Command, Option } from "commander";
import {
  type ClkInput,
  KERNEL_NAMES,
  type KernelName,
  type LinkResult,
  link,
  MAX_BYTE_LENGTH,
  permuteGroups,
} from "../library/node.js";
import { interruption } from "./interruption.js";
import { countValue, thresholdValue } from "./option-values.js";
import { readIds } from "./party-ids.js";
import { ProgressBar } from "./progress-bar.js";
import { readInput, STDIN } from "./read-input.js";
import {
  groupsAsCsv,
  groupsAsJson,
  type Ids,
  permutationsAsCsv,
  permutationsAsJson,
  scoresAsBinary,
  scoresAsCsv,
  scoresAsJson,
} from "./result-text.js";
import { summarize, summaryAsText } from "./summary.js";
import { describeQuality, judge, type Quality, type RowPair, readTruth } from "./truth.js";
import { UsageError } from "./usage-error.js";
import { type Output, writeOutput } from "./write-output.js";

interface MatchOptions {
  readonly threshold: number;
  readonly result: "groups" | "scores" | "permutations" | "summary";
  readonly format?: "json" | "csv" | "binary";
  readonly out?: string;
  readonly ids?: readonly string[];
  readonly truth?: string;
  readonly threads?: number;
  readonly kernel?: KernelName;
  readonly byteLength?: number;
}

/** Quality of the candidate pairs and of the pairs of rows within groups. */
interface Qualities {
  readonly pairs: Quality;
  readonly groups: Quality;
}

const EXAMPLES = `
Inputs are recognised by their content: {"clks": […]}, {"clknblocks": […]}, {"encodings": […], "blocks": {…}}, an array
of base64 texts, or raw rows (then --byte-length is needed); each may be gzip-compressed, and one may be - for standard
input. Where the inputs name blocks, only rows that share a block are compared.

Examples:
  anonlink-wasm match a.json b.json --threshold 0.8
  anonlink-wasm match a.json b.json --threshold 0.8 --format csv --ids a.csv:id b.csv:id --out links.csv
  anonlink-wasm match a.bin b.bin c.bin --byte-length 128 --threshold 0.9 --result scores --format binary --out scores.bin
  anonlink-wasm match a.json b.json --threshold 0.8 --result summary --truth entity-ids.json`;

/** `anonlink-wasm match`: links files of CLKs. */
export function matchCommand(): Command {
  return new Command("match")
    .summary("link files of CLKs")
    .description("Find the groups of records of two or more files of CLKs that belong to one person.")
    .argument("<files...>", "one file of CLKs for each party, two or more")
    .addOption(
      new Option("--threshold <number>", "least Dice similarity of a pair, above 0 and up to 1")
        .argParser(thresholdValue)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--result <kind>", "what to put out")
        .choices(["groups", "scores", "permutations", "summary"])
        .default("groups"),
    )
    .addOption(
      new Option(
        "--format <format>",
        "json (default; text for a summary), csv, or binary for scores",
      ).choices(["json", "csv", "binary"]),
    )
    .option("--out <file>", "write to a file, which appears when it is complete (default: standard output)")
    .option(
      "--ids <files...>",
      "ids for CSV, a file for each party in turn: one id a line, or file:column of a CSV file",
    )
    .option(
      "--truth <file>",
      'known matches, as {"a": [id of row 0, …], "b": […]}: adds precision, recall and F1',
    )
    .addOption(new Option("--threads <number>", "threads (default: by size)").argParser(countValue(256)))
    .addOption(new Option("--kernel <name>", "how to compare (default: the fastest)").choices(KERNEL_NAMES))
    .addOption(
      new Option("--byte-length <number>", "bytes of a CLK; raw rows need it").argParser(
        countValue(MAX_BYTE_LENGTH),
      ),
    )
    .addHelpText("after", EXAMPLES)
    .action(match);
}

async function match(files: readonly string[], options: MatchOptions): Promise<void> {
  checkArguments(files, options);
  const signal = interruption();
  const inputs: ClkInput[] = [];
  for (const file of files) inputs.push(await readInput(file, options.byteLength));
  const rows = inputs.map(({ dataset }) => dataset.recordCount);
  const ids =
    options.ids && (await Promise.all(options.ids.map((source, n) => readIds(source, n, rows[n]!))));
  const truth = options.truth === undefined ? undefined : await readTruth(options.truth, rows);

  const result = await linkWithProgress(inputs, options, signal);
  const quality = truth && {
    pairs: judge(candidatePairs(result), truth),
    groups: judge(groupPairs(result), truth),
  };
  await writeOutput(outputOf(result, inputs, options, ids, quality), options.out, signal);
  if (quality !== undefined && options.result !== "summary") {
    const judged = options.result === "scores" ? quality.pairs : quality.groups;
    process.stderr.write(`${describeQuality(judged)}\n`);
  }
}

function checkArguments(files: readonly string[], options: MatchOptions): void {
  const { result, format, ids, out } = options;
  if (files.length < 2) throw new UsageError("match needs two files of CLKs or more, one for each party");
  if (files.filter((file) => file === STDIN).length > 1)
    throw new UsageError("only one input can be standard input");
  if (format === "binary" && result !== "scores")
    throw new UsageError("--format binary is for --result scores only");
  if (result === "summary" && format === "csv")
    throw new UsageError("--result summary has no CSV form: leave --format out, or say json");
  if (result === "permutations" && files.length !== 2) {
    throw new UsageError(`--result permutations is for two files, not ${files.length}`);
  }
  if (ids !== undefined && (format !== "csv" || ids.length !== files.length)) {
    const expected = format === "csv" ? `${files.length} files, one for each party` : "--format csv";
    throw new UsageError(`--ids needs ${expected}`);
  }
  if (out !== undefined && files.some((file) => file !== STDIN && resolve(file) === resolve(out))) {
    throw new UsageError("--out must not be one of the inputs");
  }
}

async function linkWithProgress(
  inputs: readonly ClkInput[],
  options: MatchOptions,
  signal: AbortSignal,
): Promise<LinkResult> {
  const { threshold, threads, kernel } = options;
  const bar = new ProgressBar();
  try {
    return await link(inputs, { threshold, threads, kernel, onProgress: bar.update, signal });
  } finally {
    bar.stop();
  }
}

function outputOf(
  result: LinkResult,
  inputs: readonly ClkInput[],
  { threshold, result: kind, format }: MatchOptions,
  ids: Ids,
  quality: Qualities | undefined,
): Output {
  const rows = inputs.map(({ dataset }) => dataset.recordCount);
  switch (kind) {
    case "groups":
      return format === "csv" ? groupsAsCsv(result.groups, ids) : groupsAsJson(result.groups);
    case "scores":
      if (format === "binary") return scoresAsBinary(result);
      return format === "csv" ? scoresAsCsv(result.pairs, ids) : scoresAsJson(result.pairs);
    case "permutations": {
      const permuted = permuteGroups(result.groups, [rows[0]!, rows[1]!]);
      return format === "csv" ? permutationsAsCsv(permuted, ids) : permutationsAsJson(permuted);
    }
    case "summary": {
      const summary = summarize(result, threshold, rows, inputs[0]!.dataset.byteLength, quality);
      return [format === "json" ? `${JSON.stringify(summary, null, 2)}\n` : summaryAsText(summary)];
    }
  }
}

function* candidatePairs({ pairs }: LinkResult): Generator<RowPair> {
  for (let n = 0; n < pairs.scores.length; n++) {
    yield [pairs.leftDatasets[n]!, pairs.leftRecords[n]!, pairs.rightDatasets[n]!, pairs.rightRecords[n]!];
  }
}

/** Every pair of rows of different parties in a group. */
function* groupPairs({ groups: { starts, datasets, records } }: LinkResult): Generator<RowPair> {
  for (let group = 0; group + 1 < starts.length; group++) {
    for (let a = starts[group]!; a < starts[group + 1]!; a++) {
      for (let b = a + 1; b < starts[group + 1]!; b++) {
        if (datasets[a] !== datasets[b]) yield [datasets[a]!, records[a]!, datasets[b]!, records[b]!];
      }
    }
  }
}
