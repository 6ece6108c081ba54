// Test data for uploads.
import { readFileSync } from "node:fs";
import { indexBlocks } from "../../src/core/blocks.js";
import { allocateBytes, createClkDataset } from "../../src/core/clk-dataset.js";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { findCandidatePairs } from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";
import type { Party } from "./client.js";

/** Encodings as raw bytes, all of the same length. */
export interface Rows {
  readonly bytes: Uint8Array;
  readonly byteLength: number;
}

export type BlockName = string | number;

/** The blocks of each record. */
export type RowBlocks = readonly (readonly BlockName[])[];

/** The encodings of a party of febrl4-1k. */
export function febrlRows(side: "a" | "b"): Rows {
  const file = new URL(`../data/febrl4-1k/clks-${side}.bin`, import.meta.url);
  return { bytes: readFileSync(file), byteLength: 128 };
}

/** The person of each record of febrl4-1k. */
export function febrlEntities(): { readonly a: readonly string[]; readonly b: readonly string[] } {
  return JSON.parse(readFileSync(new URL("../data/febrl4-1k/entity-ids.json", import.meta.url), "utf8"));
}

/** Random encodings; those of different seeds have no pairs at thresholds above 0.7. */
export function randomRows(seed: number, recordCount: number, byteLength = 64): Rows {
  return ofOwnMemory(randomClks(seededRandom(seed), { recordCount, byteLength }));
}

/** Several parties; about half of each one's encodings are noisy copies of a common base. */
export function overlappingRows(seed: number, recordCounts: readonly number[], byteLength = 64): Rows[] {
  const random = seededRandom(seed);
  const base = randomClks(random, { recordCount: Math.ceil(Math.max(...recordCounts) / 2), byteLength });
  return recordCounts.map((recordCount) =>
    ofOwnMemory(randomClks(random, { recordCount, byteLength, base })),
  );
}

/** Copies encodings out of shared memory, which fetch cannot send. */
function ofOwnMemory({ bytes, byteLength }: Rows): Rows {
  return { bytes: bytes.slice(), byteLength };
}

/** One or two random blocks, out of `blockCount`, for each record. */
export function randomBlocks(seed: number, recordCount: number, blockCount = 10): string[][] {
  const random = seededRandom(seed);
  const someBlock = () => `block ${Math.floor(random() * blockCount)}`;
  return Array.from({ length: recordCount }, () => [
    ...new Set(Array.from({ length: 1 + Math.floor(random() * 2) }, someBlock)),
  ]);
}

export function recordCountOf({ bytes, byteLength }: Rows): number {
  return bytes.byteLength / byteLength;
}

/** Each encoding in base64. */
export function base64Rows({ bytes, byteLength }: Rows): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / byteLength }, (_, row) =>
    buffer.toString("base64", row * byteLength, (row + 1) * byteLength),
  );
}

/** Selects encodings, in the given order. */
export function pickRows({ bytes, byteLength }: Rows, rows: readonly number[]): Rows {
  const picked = rows.map((row) => bytes.subarray(row * byteLength, (row + 1) * byteLength));
  return { bytes: new Uint8Array(Buffer.concat(picked)), byteLength };
}

/** Encodings and blocks in the form `clknblocks`. */
export function clksAndBlocks(rows: Rows, blocks: RowBlocks): BlockName[][] {
  return base64Rows(rows).map((encoding, row) => [encoding, ...blocks[row]!]);
}

/** Blocks in the form `encodings` + `blocks`. */
export function blockMap(blocks: RowBlocks): Record<string, readonly BlockName[]> {
  return Object.fromEntries(blocks.map((names, row) => [String(row), names]));
}

/** A similarity score of the API: two records and their score. */
export type Score = readonly [Party, Party, number];

export interface Expected {
  /** In the API's order. */
  readonly scores: readonly Score[];
  readonly groups: readonly (readonly Party[])[];
  readonly comparisons: number;
}

/** The library's results. */
export async function expectedOf(
  parties: readonly (Rows & { readonly blocks?: RowBlocks })[],
  threshold: number,
): Promise<Expected> {
  const inputs = parties.map(({ bytes, byteLength, blocks }) => {
    const copy = allocateBytes(bytes.byteLength);
    copy.set(bytes);
    const dataset = createClkDataset(copy, byteLength);
    return blocks === undefined ? { dataset } : { dataset, blocks: indexBlocks(blocks) };
  });
  const { pairs, statistics } = await findCandidatePairs(inputs, { threshold });
  const scores = Array.from(
    pairs.scores,
    (score, n): Score => [
      [pairs.leftDatasets[n]!, pairs.leftRecords[n]!],
      [pairs.rightDatasets[n]!, pairs.rightRecords[n]!],
      score,
    ],
  );
  return { scores, groups: groupsToArrays(solveGreedy(pairs)), comparisons: statistics.comparisons };
}

/** Groups as a set, because their order and that of their records is arbitrary. */
export function asSet(groups: readonly (readonly Party[])[]): Set<string> {
  // Sorted, because assertions also compare the order of sets.
  return new Set(groups.map((group) => JSON.stringify([...group].sort(byRecord))).sort());
}

function byRecord([leftDataset, leftRow]: Party, [rightDataset, rightRow]: Party): number {
  return leftDataset - rightDataset || leftRow - rightRow;
}
