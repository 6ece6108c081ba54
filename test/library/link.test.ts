import { readFileSync } from "node:fs";
import test from "ava";
import { solveGreedyReference } from "../../src/core/reference/solve-greedy.js";
import {
  closeThreads,
  createClkDataset,
  groupsToArrays,
  KERNEL_NAMES,
  link,
  readClkJson,
} from "../../src/library/node.js";
import { randomClks, seededRandom } from "../random-clks.js";

const folder = new URL("../data/febrl4-1k/", import.meta.url);
const read = (name: string) => readClkJson(readFileSync(new URL(name, folder)));
const left = read("clks-a.json");
const right = read("clks-b.json");
const ids: Record<"a" | "b", string[]> = JSON.parse(readFileSync(new URL("entity-ids.json", folder), "utf8"));

/** From the README of the data: threshold, pairs, true matches among them. */
const FACTS = [
  [0.95, 472, 472],
  [0.9, 718, 718],
  [0.8, 946, 946],
  [0.7, 7215, 997],
  [0.6, 761514, 1000],
] as const;

test.after.always(() => closeThreads());

for (const kernel of [undefined, ...KERNEL_NAMES]) {
  test(`febrl4-1k gives the known counts at every threshold (${kernel ?? "chosen"} kernel)`, async (t) => {
    for (const [threshold, pairCount, trueCount] of FACTS) {
      const { pairs, statistics } = await link([left, right], { threshold, kernel });
      t.is(pairs.scores.length, pairCount, `pairs at ${threshold}`);
      let correct = 0;
      pairs.leftRecords.forEach((record, n) => {
        if (ids.a[record] === ids.b[pairs.rightRecords[n]!]) correct++;
      });
      t.is(correct, trueCount, `true matches at ${threshold}`);
      t.is(
        statistics.scoreHistogram.counts.reduce((sum, count) => sum + count, 0),
        pairCount,
      );
      t.is(statistics.comparisons, 1_000_000);
      t.is(
        statistics.popcounts[0]!.counts.reduce((sum, count) => sum + count, 0),
        1000,
      );
    }
  });
}

test("the groups of many parties equal the reference solver's", async (t) => {
  const random = seededRandom(1);
  const base = randomClks(random, { recordCount: 120, byteLength: 16 });
  const sets = [0, 1, 2, 3, 4].map(() =>
    randomClks(random, { recordCount: 100, byteLength: 16, base, noise: 0.08 }),
  );
  for (const threshold of [0.9, 0.75, 0.6]) {
    const { pairs, groups } = await link(sets, { threshold });
    t.deepEqual(groupsToArrays(groups), solveGreedyReference(pairs));
  }
});

test("the histogram counts scores of 1 at a threshold of 1", async (t) => {
  const same = createClkDataset(new Uint8Array([7, 9, 255]), 1);
  const { statistics } = await link([same, same], { threshold: 1 });
  t.is(statistics.scoreHistogram.counts.at(-1), 3);
  t.is(statistics.scoreHistogram.from, 1);
});
