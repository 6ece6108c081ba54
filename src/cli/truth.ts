import { readFile } from "node:fs/promises";
import { fileProblem } from "./file-problem.js";
import { UsageError } from "./usage-error.js";

/**
 * For each party, the id of each record's person: records with the same id are the same person. 1 and "1" are equal.
 */
export type Truth = readonly (readonly string[])[];

/** How well the pairs found match the truth; ratios from 0 to 1. */
export interface Quality {
  readonly found: number;
  readonly correct: number;
  /** Pairs of records of different parties that are the same person. */
  readonly existing: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Two records, each as a party and a row. */
export type RowPair = readonly [leftParty: number, leftRow: number, rightParty: number, rightRow: number];

/**
 * Reads a file such as `{"a": [id of row 0, …], "b": […]}`, with one list per party, in their order.
 *
 * @throws UsageError if it does not match the parties
 */
export async function readTruth(file: string, rowCounts: readonly number[]): Promise<Truth> {
  let lists: unknown[];
  try {
    lists = Object.values(JSON.parse(await readFile(file, "utf8")) as object);
  } catch (error) {
    const problem = fileProblem(error) ?? 'is not JSON such as {"a": [ids…], "b": [ids…]}';
    throw new UsageError(`--truth ${file} ${problem}.`);
  }
  if (lists.length !== rowCounts.length || !lists.every(Array.isArray)) {
    throw new UsageError(
      `--truth ${file} must hold one list of ids for each of the ${rowCounts.length} data sets.`,
    );
  }
  return lists.map((list: unknown[], party) => {
    if (list.length !== rowCounts[party]) {
      throw new UsageError(
        `--truth ${file} has ${list.length} ids for data set ${party}, which has ${rowCounts[party]} rows.`,
      );
    }
    return list.map((id, row) => {
      if (typeof id === "string" || typeof id === "number") return String(id);
      throw new UsageError(`--truth ${file} has no string or number for row ${row} of data set ${party}.`);
    });
  });
}

/** Compares the pairs found with the truth. */
export function judge(pairs: Iterable<RowPair>, truth: Truth): Quality {
  let found = 0;
  let correct = 0;
  for (const [leftParty, leftRow, rightParty, rightRow] of pairs) {
    found++;
    if (truth[leftParty]![leftRow] === truth[rightParty]![rightRow]) correct++;
  }
  const existing = countExisting(truth);
  const precision = found === 0 ? 1 : correct / found;
  const recall = existing === 0 ? 1 : correct / existing;
  const f1 = precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
  return { found, correct, existing, precision, recall, f1 };
}

function countExisting(truth: Truth): number {
  const seen = new Map<string, number>();
  let existing = 0;
  for (const list of truth) {
    const here = new Map<string, number>();
    for (const id of list) here.set(id, (here.get(id) ?? 0) + 1);
    for (const [id, count] of here) {
      existing += count * (seen.get(id) ?? 0);
      seen.set(id, (seen.get(id) ?? 0) + count);
    }
  }
  return existing;
}

/** One line of text for people. */
export function describeQuality({ found, correct, existing, precision, recall, f1 }: Quality): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  return (
    `precision ${percent(precision)}, recall ${percent(recall)}, F1 ${percent(f1)} ` +
    `(${correct} of ${found} found pairs are right, of ${existing} that exist)`
  );
}
