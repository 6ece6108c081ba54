import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findCandidatePairs, indexBlocks } from "../../src/library/node.js";
import { seededRandom } from "../../test/random-clks.js";
import { benchDataset } from "../datasets.js";
import { alternately, type Bench, median, type Section } from "../measure.js";

const BLOCKS_PER_ROW = 5;
const THRESHOLD = 0.8;
/** Names per record: enough that the median block has one record. */
const NAMES_PER_ROW = 5;

/** Many small blocks: most have one or two records per side. */
export async function blocksSection(bench: Bench): Promise<Section> {
  const rows = bench.quick ? 20_000 : 200_000;
  const { left, right, paths } = benchDataset({ rows, onesShare: 50 });
  const file = fileURLToPath(
    new URL(`../../.cache/bench/blocks-${rows}-${NAMES_PER_ROW * rows}.json`, import.meta.url),
  );
  if (!existsSync(file)) {
    const random = seededRandom(1);
    const row = () =>
      Array.from({ length: BLOCKS_PER_ROW }, () => `block ${Math.floor(NAMES_PER_ROW * rows * random())}`);
    writeFileSync(file, JSON.stringify([1, 2].map(() => Array.from({ length: rows }, row))));
  }
  const [leftRows, rightRows] = JSON.parse(readFileSync(file, "utf8")) as [string[][], string[][]];
  const name = "blocks";
  await bench.peer?.ask({ ask: "load", name, paths: Object.values(paths).slice(0, 2) });
  const question = { ask: "find", name, threshold: THRESHOLD, blocks: file };

  const find = async (inputs: Parameters<typeof findCandidatePairs>[0], threads: number | undefined) =>
    (await findCandidatePairs(inputs, { threshold: THRESHOLD, threads })).pairs.scores.length;
  const index = () => [
    { dataset: left, blocks: indexBlocks(leftRows) },
    { dataset: right, blocks: indexBlocks(rightRows) },
  ];
  const indexed = index();
  const options = { warmUps: 3, ...(bench.quick ? {} : { aim: 20 }) };
  const size = `${rows.toLocaleString("en-US")} rows a side`;
  const cells = [
    await alternately(
      bench,
      `${size}, from lists of names`,
      () => find(index(), undefined),
      question,
      options,
    ),
    await alternately(bench, `${size}, from lists of names, one thread`, () => find(index(), 1)),
    await alternately(bench, `${size}, blocks indexed before`, () => find(indexed, undefined)),
  ];
  const { starts } = indexed[0]!.blocks;
  const medianSize = median(Array.from(starts.subarray(1), (end, n) => end - starts[n]!));
  const about =
    `${BLOCKS_PER_ROW} blocks a row out of ${(NAMES_PER_ROW * rows).toLocaleString("en-US")} names, the median block of one side having ${medianSize} row${medianSize === 1 ? "" : "s"}; ` +
    "our `indexBlocks` of both sides and `findCandidatePairs` (all threads) against anonlink's `find_candidate_pairs` with " +
    "a `blocking_f`.";
  return { title: "Small blocks", about, cells };
}
