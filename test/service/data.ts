// What parties upload.
import { readFileSync } from "node:fs";
import { indexBlocks } from "../../src/core/blocks.js";
import { allocateBytes, createClkDataset } from "../../src/core/clk-dataset.js";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { findCandidatePairs } from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";
import type { Party } from "./client.js";

/** Rows of raw bytes, all of one length. */
export interface Rows {
  readonly bytes: Uint8Array;
  readonly byteLength: number;
}

export type BlockName = string | number;

/** The blocks of each row. */
export type RowBlocks = readonly (readonly BlockName[])[];

/** A party of febrl4-1k. */
export function febrlRows(side: "a" | "b"): Rows {
  const file = new URL(`../data/febrl4-1k/clks-${side}.bin`, import.meta.url);
  return { bytes: readFileSync(file), byteLength: 128 };
}

/** Which person each row of febrl4-1k is. */
export function febrlEntities(): { readonly a: readonly string[]; readonly b: readonly string[] } {
  return JSON.parse(readFileSync(new URL("../data/febrl4-1k/entity-ids.json", import.meta.url), "utf8"));
}

/** Random rows; two of them with different seeds have nothing in common at thresholds above 0.7. */
export function randomRows(seed: number, recordCount: number, byteLength = 64): Rows {
  return ofOwnMemory(randomClks(seededRandom(seed), { recordCount, byteLength }));
}

/** Several parties; about half of each one's rows are noisy copies of rows that others have copies of as well. */
export function overlappingRows(seed: number, recordCounts: readonly number[], byteLength = 64): Rows[] {
  const random = seededRandom(seed);
  const base = randomClks(random, { recordCount: Math.ceil(Math.max(...recordCounts) / 2), byteLength });
  return recordCounts.map((recordCount) =>
    ofOwnMemory(randomClks(random, { recordCount, byteLength, base })),
  );
}

/** Not over shared memory, which fetch does not send. */
function ofOwnMemory({ bytes, byteLength }: Rows): Rows {
  return { bytes: bytes.slice(), byteLength };
}

/** Rows of random blocks out of a few. */
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

/** Each row in base64. */
export function base64Rows({ bytes, byteLength }: Rows): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / byteLength }, (_, row) =>
    buffer.toString("base64", row * byteLength, (row + 1) * byteLength),
  );
}

/** Rows, some of them, in an order. */
export function pickRows({ bytes, byteLength }: Rows, rows: readonly number[]): Rows {
  const picked = rows.map((row) => bytes.subarray(row * byteLength, (row + 1) * byteLength));
  return { bytes: new Uint8Array(Buffer.concat(picked)), byteLength };
}

/** As the form `clknblocks` has it. */
export function clksAndBlocks(rows: Rows, blocks: RowBlocks): BlockName[][] {
  return base64Rows(rows).map((encoding, row) => [encoding, ...blocks[row]!]);
}

/** As the form `encodings` + `blocks` has it. */
export function blockMap(blocks: RowBlocks): Record<string, readonly BlockName[]> {
  return Object.fromEntries(blocks.map((names, row) => [String(row), names]));
}

/** A similarity score of the API: two records, and how alike they are. */
export type Score = readonly [Party, Party, number];

export interface Expected {
  /** In the order of the API. */
  readonly scores: readonly Score[];
  readonly groups: readonly (readonly Party[])[];
  readonly comparisons: number;
}

/** What the library finds. */
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

/** Groups as a set: their order, and that of their records, says nothing. */
export function asSet(groups: readonly (readonly Party[])[]): Set<string> {
  // In an order, since assertions look at that of sets too.
  return new Set(groups.map((group) => JSON.stringify([...group].sort(byRecord))).sort());
}

function byRecord([leftDataset, leftRow]: Party, [rightDataset, rightRow]: Party): number {
  return leftDataset - rightDataset || leftRow - rightRow;
}
