import { readFileSync } from "node:fs";
import { parseCandidateFile } from "../../src/core/candidate-file.js";
import type { CandidatePairs } from "../../src/core/candidate-pairs.js";
import { packBlocks } from "../../src/core/chunks.js";
import type { ClkDataset } from "../../src/core/clk-dataset.js";
import { readClkBytes } from "../../src/core/clk-format.js";
import { computeFilterSimilarity } from "../../src/worker/compute-filter-similarity.js";
import { randomClks, seededRandom } from "../random-clks.js";
import {
  MemoryEncodingStore,
  MemoryObjectStore,
  type MemoryParty,
  MemoryRunCache,
  MemoryRunDatabase,
} from "./memory-stores.js";

export const FEBRL_BYTE_LENGTH = 128;
/** The two parties of febrl4-1k, without blocks. */
export const febrl = ["a", "b"].map(
  (side) =>
    readClkBytes(readFileSync(new URL(`../data/febrl4-1k/clks-${side}.bin`, import.meta.url)), {
      byteLength: FEBRL_BYTE_LENGTH,
    }).dataset,
);

export type Side = {
  dataproviderId: number;
  datasetIndex: number;
  block_id: number;
  range: readonly number[];
};

/** Parties without blocking: data provider 10 + n has all its records in block 100 + n. */
export function wholeParties(datasets: readonly ClkDataset[]): Map<number, MemoryParty> {
  return new Map(
    datasets.map((dataset, n) => {
      const rows = Array.from({ length: dataset.recordCount }, (_, row) => row);
      return [10 + n, { dataset, blocks: new Map([[100 + n, rows]]) }];
    }),
  );
}

/** One side of a chunk, in a block of {@link wholeParties}. */
export function side(datasetIndex: number, range: readonly number[]): Side {
  return { dataproviderId: 10 + datasetIndex, datasetIndex, block_id: 100 + datasetIndex, range };
}

/** The task with in-memory stores, and functions that run it and read what it stored. */
export function setUp(
  parties: ReadonlyMap<number, MemoryParty>,
  options: { maxCandidatePairs?: number } = {},
) {
  const encodings = new MemoryEncodingStore(parties);
  const cache = new MemoryRunCache();
  const runs = new MemoryRunDatabase();
  const objects = new MemoryObjectStore();
  const { maxCandidatePairs = 1_000_000 } = options;
  const stores = { encodings, cache, runs, objects };
  const { run: task } = computeFilterSimilarity(stores, { maxCandidatePairs, runCheckMs: 20 });
  const byteLength = [...parties.values()][0]!.dataset.byteLength;
  const run = (chunks: unknown, taskId = "a-task", threshold = 0.8, signal?: AbortSignal) =>
    task(
      {
        package: chunks,
        project_id: "p",
        run_id: "r",
        threshold,
        encoding_size: byteLength,
        parent_span: {},
      },
      { taskId, signal },
    );
  const pairsOf = (result: readonly unknown[] | null): CandidatePairs | undefined =>
    result?.[2] == null ? undefined : parseCandidateFile(objects.files.get(result[2] as string)!);
  return { encodings, cache, runs, objects, task, run, pairsOf };
}

/** The package that compares all of febrl4-1k. */
export const wholeFebrl = [[side(0, [0, 1000]), side(1, [0, 1000])]];

/** Parties whose records are in up to three of 12 blocks, one of which is large; and the packages of a run. */
export function setUpBlocks(partyCount: number, aim: number) {
  const random = seededRandom(7 * partyCount + aim);
  const base = randomClks(random, { recordCount: 60, byteLength: 16 });
  const datasets = Array.from({ length: partyCount }, () =>
    randomClks(random, { recordCount: 150, byteLength: 16, base, noise: 0.02 }),
  );
  const rowBlocks = datasets.map(({ recordCount }) =>
    Array.from({ length: recordCount }, () => {
      const names = Array.from({ length: Math.floor(random() * 4) }, () => Math.floor(random() ** 2 * 12));
      return [...new Set(names)];
    }),
  );
  // Each party's part of block b has its own id.
  const idOf = (party: number, block: number) => 1 + block * partyCount + party;
  const parties = new Map(
    datasets.map((dataset, party) => {
      const blocks = new Map<number, number[]>();
      rowBlocks[party]!.forEach((names, row) => {
        for (const block of names) {
          const id = idOf(party, block);
          blocks.set(id, [...(blocks.get(id) ?? []), row]);
        }
      });
      return [10 + party, { dataset, blocks }];
    }),
  );
  const sideOf = (party: number, block: number) => ({
    datasetIndex: party,
    blockId: idOf(party, block),
    recordCount: parties.get(10 + party)!.blocks.get(idOf(party, block))?.length ?? 0,
  });
  const pairs = Array.from({ length: 12 }, (_, block) => block).flatMap((block) =>
    datasets.flatMap((_, left) =>
      datasets.slice(left + 1).map((_, n) => ({
        left: sideOf(left, block),
        right: sideOf(left + 1 + n, block),
      })),
    ),
  );
  const packages = [...packBlocks(pairs, aim)].map((chunks) =>
    chunks.map((chunk) =>
      chunk.map(({ datasetIndex, blockId, range }) => ({
        dataproviderId: 10 + datasetIndex,
        datasetIndex,
        block_id: blockId,
        range: chunks.length > 1 ? undefined : range, // ignored in a package of several chunks
      })),
    ),
  );
  return { ...setUp(parties), datasets, rowBlocks, packages };
}
