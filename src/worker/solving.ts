import { type CandidatePairs, dropDuplicates } from "../core/candidate-pairs.js";
import { permuteGroups } from "../core/permutation.js";
import { type Groups, groupsToArrays, solveGreedy } from "../core/solve-greedy.js";
import type { GroupMember } from "../linkage/database.js";
import { groupsStoredLength, MAX_STORED_LENGTH } from "./groups-length.js";

/** The result of solving a run's candidate pairs. */
export interface SolvedGroups {
  /** JSON: a list of groups, each a list of `[data set, row]`; `undefined` if the database could not store it. */
  readonly json: string | undefined;
  readonly groupCount: number;
  /** Records in all groups. */
  readonly recordCount: number;
}

/** JSON strings: lists of numbers. */
export interface PermutationTexts {
  readonly permutations: readonly [string, string];
  readonly mask: string;
}

/** Groups converted to JSON at once: as nested arrays they take ten times the memory. */
const BATCH = 10_000;

/**
 * Solves candidate pairs; equal pairs count once.
 *
 * @param pairs in the total order
 * @param recordCounts number of records in each data set
 * @throws LinkageError like {@link solveGreedy}
 */
export function solvePairs(pairs: CandidatePairs, recordCounts: readonly number[]): SolvedGroups {
  const groups = solveGreedy(dropDuplicates(pairs), { recordCounts });
  const isStorable = groupsStoredLength(groups) <= MAX_STORED_LENGTH;
  return {
    json: isStorable ? groupsToJson(groups) : undefined,
    groupCount: groups.starts.length - 1,
    recordCount: groups.records.length,
  };
}

/**
 * Shuffles the records of two parties so that the records of a group get the same position.
 *
 * @param groups JSON, as returned by {@link solvePairs} or by a database
 * @param recordCounts number of records of each of the two parties
 * @throws LinkageError like {@link permuteGroups}
 */
export function permuteRows(groups: string, recordCounts: readonly [number, number]): PermutationTexts {
  const { permutations, mask } = permuteGroups(parseGroups(groups), recordCounts);
  const [left, right] = permutations;
  return { permutations: [`[${left.join()}]`, `[${right.join()}]`], mask: `[${mask.join()}]` };
}

function groupsToJson(groups: Groups): string {
  const batches: string[] = [];
  for (let from = 0; from + 1 < groups.starts.length; from += BATCH) {
    const starts = groups.starts.subarray(from, from + BATCH + 1);
    batches.push(JSON.stringify(groupsToArrays({ ...groups, starts })).slice(1, -1));
  }
  return `[${batches.join()}]`;
}

function parseGroups(json: string): Groups {
  const groups = JSON.parse(json) as readonly (readonly GroupMember[])[];
  const starts = new Uint32Array(groups.length + 1);
  groups.forEach((group, n) => {
    starts[n + 1] = starts[n]! + group.length;
  });
  const datasets = new Uint32Array(starts[groups.length]!);
  const records = new Uint32Array(datasets.length);
  let at = 0;
  for (const group of groups) {
    for (const [dataset, record] of group) {
      datasets[at] = dataset;
      records[at++] = record;
    }
  }
  return { starts, datasets, records };
}
