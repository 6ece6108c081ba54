import {
  allocateBytes,
  createClkDataset,
  findCandidatePairs,
  groupsToArrays,
  indexBlocks,
  solveGreedy,
} from "../library/node.js";
import { expectEqual } from "./expectations.js";
import type { Clks, Group } from "./planted-clks.js";

export type BlockName = string | number;
export type RowBlocks = readonly (readonly BlockName[])[];
/** As in the API: two records `[party, row]`, and their similarity score. */
export type Score = readonly [readonly [number, number], readonly [number, number], number];

export interface ExpectedResult {
  /** In the API's order. */
  readonly scores: readonly Score[];
  readonly groups: readonly Group[];
}

/** The library's result for the same data. */
export async function expectedResult(
  parties: readonly (Clks & { readonly blocks?: RowBlocks })[],
  threshold: number,
  signal: AbortSignal,
): Promise<ExpectedResult> {
  const inputs = parties.map(({ bytes, byteLength, blocks }) => {
    const copy = allocateBytes(bytes.byteLength);
    copy.set(bytes);
    const dataset = createClkDataset(copy, byteLength);
    return blocks === undefined ? { dataset } : { dataset, blocks: indexBlocks(blocks) };
  });
  const { pairs } = await findCandidatePairs(inputs, { threshold, signal });
  const scores = Array.from(
    pairs.scores,
    (score, n): Score => [
      [pairs.leftDatasets[n]!, pairs.leftRecords[n]!],
      [pairs.rightDatasets[n]!, pairs.rightRecords[n]!],
      score,
    ],
  );
  return { scores, groups: groupsToArrays(solveGreedy(pairs)) };
}

/** Compares groups as sets: neither their order nor that of their records matters. */
export function expectGroups(actual: readonly Group[], expected: readonly Group[]): void {
  expectEqual(actual.length, expected.length, "the number of groups");
  expectEqual(inOrder(actual), inOrder(expected), "the groups");
}

function inOrder(groups: readonly Group[]): string[] {
  return groups
    .map((group) => JSON.stringify([...group].sort(([one, a], [other, b]) => one - other || a - b)))
    .sort();
}
