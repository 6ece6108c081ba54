import { readFileSync } from "node:fs";
import { indexBlocks } from "../../src/core/blocks.js";
import type { CandidatePairs } from "../../src/core/candidate-pairs.js";
import { readClkBytes } from "../../src/core/clk-format.js";
import { findCandidatePairs } from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";
import type { PartyData } from "../servers/entity-service-data.js";

/** The two parties of febrl4-1k, each with all records in one block. */
export const febrl: readonly PartyData[] = ["a", "b"].map((side) => {
  const file = new URL(`../data/febrl4-1k/clks-${side}.bin`, import.meta.url);
  return { dataset: readClkBytes(readFileSync(file), { byteLength: 128 }).dataset };
});

/** The same parties with overlapping blocks, some of which are far larger than others. */
export function inBlocks(parties: readonly PartyData[], seed: number): PartyData[] {
  const random = seededRandom(seed);
  const someBlock = () => `b${Math.floor(random() ** 3 * 60)}`;
  return parties.map(({ dataset }) => ({
    dataset,
    blocks: Array.from({ length: dataset.recordCount }, () => [
      ...new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, someBlock)),
    ]),
  }));
}

/** Two parties of random CLKs; half of each party's records are noisy copies of shared ones. */
export function randomParties(seed: number, recordCount: number, byteLength = 128): PartyData[] {
  const random = seededRandom(seed);
  const base = randomClks(random, { recordCount: Math.ceil(recordCount / 2), byteLength });
  return [0, 1].map(() => ({ dataset: randomClks(random, { recordCount, byteLength, base }) }));
}

/** The candidate pairs that the library finds in one call, and the number of comparisons. */
export async function expected(
  parties: readonly PartyData[],
  threshold: number,
): Promise<{ pairs: CandidatePairs; comparisons: number }> {
  const inputs = parties.map(({ dataset, blocks }) =>
    blocks === undefined ? { dataset } : { dataset, blocks: indexBlocks(blocks) },
  );
  const { pairs, statistics } = await findCandidatePairs(inputs, { threshold });
  return { pairs, comparisons: statistics.comparisons };
}
