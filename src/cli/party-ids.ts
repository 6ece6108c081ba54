import { createReadStream, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { parse } from "csv-parse";
import { fileProblem } from "./file-problem.js";
import { UsageError } from "./usage-error.js";

/** Where to read the ids of one party's records. */
export interface IdsSource {
  readonly file: string;
  /** `undefined`: one id per line. Otherwise the name of a column of a CSV file with a header; `""` is the first. */
  readonly column: string | undefined;
}

/**
 * Splits `FILE` or `FILE:COLUMN`. Without a column, a file whose name ends in `.csv` is a CSV file with the ids in its
 * first column; any other file has one id per line. File names may contain colons: the name of an existing file is not
 * split.
 */
export function idsSource(text: string): IdsSource {
  const colon = text.lastIndexOf(":");
  if (colon > 0 && !existsSync(text)) return { file: text.slice(0, colon), column: text.slice(colon + 1) };
  return { file: text, column: /\.csv$/i.test(text) ? "" : undefined };
}

/**
 * Reads the ids of one party's records.
 *
 * @param input the party's input, for messages
 * @throws UsageError if the file or the column does not exist, or the number of ids is not `rowCount`
 */
export async function readIds(
  { file, column }: IdsSource,
  input: string,
  rowCount: number,
): Promise<string[]> {
  const ids = await readList(file, column).catch((error: unknown) => {
    if (error instanceof UsageError) throw error;
    throw new UsageError(
      `--ids ${file} ${fileProblem(error) ?? `is not valid CSV: ${(error as Error).message}`}.`,
    );
  });
  if (ids.length !== rowCount) {
    const header = column === undefined ? "" : " below its header";
    throw new UsageError(`--ids ${file} has ${ids.length} ids${header}, but ${input} has ${rowCount} rows.`);
  }
  return ids;
}

function readList(file: string, column: string | undefined): Promise<string[]> {
  return column === undefined ? readLines(file) : readColumn(file, column);
}

async function readLines(file: string): Promise<string[]> {
  const ids: string[] = [];
  const handle = await open(file);
  try {
    for await (const line of handle.readLines())
      ids.push(ids.length === 0 ? line.replace(/^\ufeff/, "") : line);
  } finally {
    await handle.close();
  }
  return ids;
}

async function readColumn(file: string, column: string): Promise<string[]> {
  const ids: string[] = [];
  const rows = createReadStream(file)
    .on("error", (error) => rows.destroy(error))
    .pipe(parse({ bom: true }));
  let index: number | undefined;
  for await (const row of rows as AsyncIterable<string[]>) {
    if (index === undefined) index = columnIndex(row, column, file);
    else ids.push(row[index]!);
  }
  if (index === undefined) throw new UsageError(`--ids ${file} is empty.`);
  return ids;
}

function columnIndex(header: string[], column: string, file: string): number {
  if (column === "") return 0;
  const index = header.indexOf(column);
  if (index < 0) {
    throw new UsageError(`--ids ${file} has no column "${column}", only ${header.join(", ")}.`);
  }
  return index;
}
