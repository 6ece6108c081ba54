import { createReadStream, existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { parse } from "csv-parse";
import { UsageError } from "./usage-error.js";

/**
 * Reads the ids of one party's rows: `FILE` with one id a line, or `FILE:COLUMN`, a column of a CSV file with a header.
 *
 * @throws UsageError if the file or the column is not there, or the number of ids is not `rowCount`
 */
export async function readIds(source: string, party: number, rowCount: number): Promise<string[]> {
  const { file, column } = splitSource(source);
  let ids: string[];
  try {
    ids = column === undefined ? await readLines(file) : await readColumn(file, column);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
    throw new UsageError(
      `--ids ${file} ${missing ? "does not exist" : `cannot be read: ${(error as Error).message}`}`,
    );
  }
  if (ids.length !== rowCount) {
    throw new UsageError(`--ids ${file} has ${ids.length} ids, but data set ${party} has ${rowCount} rows`);
  }
  return ids;
}

/** A file may have a colon in its name: only what is no file is split. */
function splitSource(source: string): { file: string; column: string | undefined } {
  const colon = source.lastIndexOf(":");
  if (colon <= 0 || existsSync(source)) return { file: source, column: undefined };
  return { file: source.slice(0, colon), column: source.slice(colon + 1) };
}

async function readLines(file: string): Promise<string[]> {
  const ids: string[] = [];
  const input = createReadStream(file);
  await new Promise<void>((resolve, reject) => {
    input.on("error", reject);
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => ids.push(line)).on("close", resolve);
  });
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
  if (index === undefined) throw new UsageError(`--ids ${file} is empty`);
  return ids;
}

function columnIndex(header: string[], column: string, file: string): number {
  const index = header.indexOf(column);
  if (index < 0) throw new UsageError(`--ids ${file} has no column «${column}»: it has ${header.join(", ")}`);
  return index;
}
