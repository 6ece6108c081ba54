import { Command, Option } from "commander";
import {
  type CandidatePairs,
  type ClkInput,
  type CompareOptions,
  findCandidatePairs,
  type Groups,
  KERNEL_NAMES,
  type KernelName,
  LinkageError,
  link,
  MAX_BYTE_LENGTH,
  permuteGroups,
} from "../library/node.js";
import { interruption } from "./interruption.js";
import { countValue, thresholdValue } from "./option-values.js";
import { checkOutputFile } from "./output-file.js";
import { type IdsSource, idsSource, readIds } from "./party-ids.js";
import { ProgressBar } from "./progress-bar.js";
import { inputName, readInput, STDIN } from "./read-input.js";
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
import { describeQuality, judge, type Quality, type RowPair, readTruth, type Truth } from "./truth.js";
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

/** A result ready to be written, and its quality compared with the truth, if given. */
interface Found {
  readonly output: Output;
  readonly quality: Quality | undefined;
}

const EXAMPLES = `
The format of an input is detected: {"clks": […]}, {"clknblocks": […]},
{"encodings": […], "blocks": {…}}, an array of base64 strings, or raw rows,
which require --byte-length. Each input may be compressed with gzip, and one may
be - for standard input. If the inputs have blocks, only rows with a block in
common are compared. Parties and rows count from 0.

Results:
  groups        rows of the same person:
                {"groups":[[[party,row], …], …]}, or
                CSV group,party,row[,id]
  scores        all pairs that reach the threshold, best first:
                {"similarity_scores":[[[0,row],[1,row],score], …]},
                CSV party_a,row_a,[id_a,]party_b,row_b,[id_b,]score, or a
                binary candidate file
  permutations  of two parties:
                {"mask":[0,1, …],"permutations":[[new row of row 0, …],[…]]}, or
                CSV party,row,[id,]new_row,matched; random, different each time
  summary       numbers and a histogram of the scores, as text or JSON

--truth evaluates the candidate pairs for scores, and the pairs of rows of
different parties within groups otherwise; a summary has both. It prints its
figures to standard error, or in the summary.

Examples:
  anonlink-wasm match a.json b.json --threshold 0.8
  anonlink-wasm match a.json b.json --threshold 0.8 \\
    --format csv --ids a.csv:id b.csv:id --out links.csv
  anonlink-wasm match a.bin b.bin c.bin --byte-length 128 --threshold 0.9 \\
    --result scores --format binary --out scores.bin
  anonlink-wasm match a.json b.json --threshold 0.8 \\
    --result summary --truth entity-ids.json`;

/** `anonlink-wasm match`: links files of CLKs. */
export function matchCommand(): Command {
  return new Command("match")
    .summary("link files of CLKs")
    .description("Find the groups of records of two or more files of CLKs that belong to one person.")
    .argument("<files...>", "one file of CLKs for each party, two or more")
    .addOption(
      new Option("--threshold <number>", "minimum Dice similarity of a pair, above 0 and up to 1")
        .argParser(thresholdValue)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option("--result <kind>", "the kind of result")
        .choices(["groups", "scores", "permutations", "summary"])
        .default("groups"),
    )
    .addOption(
      new Option(
        "--format <format>",
        "json (default; text for a summary), csv, or binary for scores",
      ).choices(["json", "csv", "binary"]),
    )
    .option("--out <file>", "output file, created once it is complete (default: standard output)")
    .option(
      "--ids <files...>",
      "ids for CSV output, one file per party in the same order: an id per line, or a column of a CSV file " +
        "with a header (file:column, or file.csv for the first column)",
    )
    .option(
      "--truth <file>",
      'known matches, {"a": [id of row 0, …], "b": […]}, for precision, recall and F1',
    )
    .addOption(
      new Option("--threads <number>", "number of threads (default: depends on the size)").argParser(
        countValue(256),
      ),
    )
    .addOption(
      new Option("--kernel <name>", "comparison kernel (default: the fastest)").choices(KERNEL_NAMES),
    )
    .addOption(
      new Option("--byte-length <number>", "bytes in a CLK; required for raw rows").argParser(
        countValue(MAX_BYTE_LENGTH),
      ),
    )
    .addHelpText("after", EXAMPLES)
    .action(match);
}

async function match(files: readonly string[], options: MatchOptions): Promise<void> {
  checkArguments(files, options);
  const idsSources = options.ids?.map(idsSource);
  if (options.out !== undefined) {
    const truthFiles = options.truth === undefined ? [] : [options.truth];
    const idsFiles = idsSources?.map(({ file }) => file) ?? [];
    await checkOutputFile(options.out, [
      ...files.filter((file) => file !== STDIN),
      ...idsFiles,
      ...truthFiles,
    ]);
  }
  const signal = interruption();
  const inputs: ClkInput[] = [];
  for (const file of files) inputs.push(await readInput(file, options.byteLength, signal));
  const rows = inputs.map(({ dataset }) => dataset.recordCount);
  const ids = idsSources && (await readAllIds(idsSources, files, rows));
  const truth = options.truth === undefined ? undefined : await readTruth(options.truth, rows);

  const { output, quality } = await find(inputs, options, ids, truth, signal).catch((error: unknown) => {
    throw nameInputs(error, files);
  });
  await writeOutput(output, options.out, signal);
  if (quality !== undefined) process.stderr.write(`${describeQuality(quality)}\n`);
}

/** Reads one party at a time, so that the first mistake is the one reported. */
async function readAllIds(
  sources: readonly IdsSource[],
  files: readonly string[],
  rows: readonly number[],
): Promise<string[][]> {
  const ids: string[][] = [];
  for (const [n, source] of sources.entries())
    ids.push(await readIds(source, inputName(files[n]!), rows[n]!));
  return ids;
}

function checkArguments(files: readonly string[], { result, format, ids }: MatchOptions): void {
  if (files.length < 2) throw new UsageError("match needs two or more files of CLKs, one for each party.");
  if (files.filter((file) => file === STDIN).length > 1)
    throw new UsageError("Only one input can be standard input.");
  if (format === "binary" && result !== "scores")
    throw new UsageError("--format binary is for --result scores only.");
  if (result === "summary" && ids !== undefined)
    throw new UsageError("--ids needs a result with rows, not --result summary.");
  if (result === "summary" && format === "csv")
    throw new UsageError("--result summary has no CSV form; omit --format or set it to json.");
  if (result === "permutations" && files.length !== 2) {
    throw new UsageError(`--result permutations is for two files, not ${files.length}.`);
  }
  if (ids !== undefined && (format !== "csv" || ids.length !== files.length)) {
    const expected = format === "csv" ? `${files.length} files, one for each party` : "--format csv";
    throw new UsageError(`--ids needs ${expected}.`);
  }
}

/** Names the files of data sets that do not match each other in the error's message. */
function nameInputs(error: unknown, files: readonly string[]): unknown {
  if (!(error instanceof LinkageError) || error.code !== "mismatched-datasets") return error;
  return new UsageError(error.message.replace(/data set (\d+)/g, (_, party) => inputName(files[party]!)));
}

async function find(
  inputs: readonly ClkInput[],
  { threshold, threads, kernel, result: kind, format }: MatchOptions,
  ids: Ids,
  truth: Truth | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const rows = inputs.map(({ dataset }) => dataset.recordCount);
  const options = { threshold, threads, kernel, signal };
  if (kind === "scores") {
    // Nothing here needs the groups, which would cost the solver's time and memory.
    const { pairs } = await withProgress((onProgress) =>
      findCandidatePairs(inputs, { ...options, onProgress }),
    );
    const quality = truth && judge(candidatePairs(pairs), truth);
    if (format === "binary") return { output: scoresAsBinary(pairs), quality };
    return { output: format === "csv" ? scoresAsCsv(pairs, ids) : scoresAsJson(pairs), quality };
  }
  const result = await withProgress((onProgress) => link(inputs, { ...options, onProgress }));
  const quality = truth && judge(groupPairs(result.groups), truth);
  if (kind === "groups") {
    return {
      output: format === "csv" ? groupsAsCsv(result.groups, ids) : groupsAsJson(result.groups),
      quality,
    };
  }
  if (kind === "permutations") {
    const permuted = permuteGroups(result.groups, [rows[0]!, rows[1]!]);
    return {
      output: format === "csv" ? permutationsAsCsv(permuted, ids) : permutationsAsJson(permuted),
      quality,
    };
  }
  const qualities = quality &&
    truth && { pairs: judge(candidatePairs(result.pairs), truth), groups: quality };
  const summary = summarize(result, threshold, rows, inputs[0]!.dataset.byteLength, qualities);
  const text = format === "json" ? `${JSON.stringify(summary, null, 2)}\n` : summaryAsText(summary);
  return { output: [text], quality: undefined }; // the summary includes it
}

async function withProgress<Result>(
  work: (onProgress: CompareOptions["onProgress"]) => Promise<Result>,
): Promise<Result> {
  const bar = new ProgressBar();
  try {
    return await work(bar.update);
  } finally {
    bar.stop();
  }
}

function* candidatePairs(pairs: CandidatePairs): Generator<RowPair> {
  for (let n = 0; n < pairs.scores.length; n++) {
    yield [pairs.leftDatasets[n]!, pairs.leftRecords[n]!, pairs.rightDatasets[n]!, pairs.rightRecords[n]!];
  }
}

/** Every pair of records of different parties in a group. */
function* groupPairs({ starts, datasets, records }: Groups): Generator<RowPair> {
  for (let group = 0; group + 1 < starts.length; group++) {
    for (let a = starts[group]!; a < starts[group + 1]!; a++) {
      for (let b = a + 1; b < starts[group + 1]!; b++) {
        if (datasets[a] !== datasets[b]) yield [datasets[a]!, records[a]!, datasets[b]!, records[b]!];
      }
    }
  }
}
