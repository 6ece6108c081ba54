import test from "ava";
import { allocateCandidatePairs, type CandidatePairs } from "../../src/core/candidate-pairs.js";
import { LinkageError } from "../../src/core/errors.js";
import { groupsToArrays, solveGreedy } from "../../src/core/solve-greedy.js";
import { permuteInThread, solveInThread } from "../../src/worker/solve-in-thread.js";
import { permuteRows } from "../../src/worker/solving.js";
import { seededRandom } from "../random-clks.js";

/** Sorted pairs of random records. */
function randomPairs(seed: number, count: number, partyCount: number, recordCount: number): CandidatePairs {
  const random = seededRandom(seed);
  const pairs = allocateCandidatePairs(count);
  for (let i = 0; i < count; i++) {
    pairs.scores[i] = 1 - i / count / 2;
    pairs.leftDatasets[i] = Math.floor(random() * (partyCount - 1));
    const others = partyCount - 1 - pairs.leftDatasets[i]!;
    pairs.rightDatasets[i] = pairs.leftDatasets[i]! + 1 + Math.floor(random() * others);
    pairs.leftRecords[i] = Math.floor(random() * recordCount);
    pairs.rightRecords[i] = Math.floor(random() * recordCount);
  }
  return pairs;
}

const copy = (pairs: CandidatePairs) => structuredClone(pairs);

/** Counts the turns of the event loop during an action, with a timer. */
async function countTurns(action: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  try {
    await action();
    return turns;
  } finally {
    clearInterval(timer);
  }
}

for (const [where, maxInline] of [
  ["in a thread", 0],
  ["inline", 100_000],
] as const) {
  for (const partyCount of [2, 3, 6]) {
    test(`${where}, ${partyCount} parties: gives the groups of solveGreedy`, async (t) => {
      // More than one batch of groups, and every pair occurs twice.
      const once = randomPairs(partyCount, 40_000, partyCount, 40_000);
      const expected = solveGreedy(once);
      const twice = allocateCandidatePairs(80_000);
      for (const name of Object.keys(once) as (keyof CandidatePairs)[]) {
        for (let i = 0; i < 80_000; i++) twice[name][i] = once[name][i >> 1]!;
      }
      const solved = await solveInThread(twice, Array(partyCount).fill(40_000), { maxInline });
      t.true(expected.starts.length > 10_001);
      t.is(solved.json, JSON.stringify(groupsToArrays(expected)));
      t.is(solved.groupCount, expected.starts.length - 1);
      t.is(solved.recordCount, expected.records.length);
    });
  }

  test(`${where}: no pairs give no groups`, async (t) => {
    const solved = await solveInThread(allocateCandidatePairs(0), [1, 1], { maxInline: maxInline - 1 });
    t.deepEqual(solved, { json: "[]", groupCount: 0, recordCount: 0 });
  });

  test(`${where}: invalid input rejects with the solver's own error`, async (t) => {
    const error = await t.throwsAsync(solveInThread(randomPairs(7, 100, 2, 50), [50, 40], { maxInline }), {
      instanceOf: LinkageError,
      code: "invalid-candidates",
    });
    t.regex(error!.message, /^The right record of pair \d+ must be below 40/);
    await t.throwsAsync(permuteInThread("[[[0,1],[0,2]]]", [3, 3], { maxInline }), {
      instanceOf: LinkageError,
      code: "invalid-option",
    });
  });

  test(`${where}: permutations align the records of each group`, async (t) => {
    const groups = JSON.stringify(
      Array.from({ length: 1000 }, (_, n) => [
        [0, n],
        [1, 1499 - n],
      ]),
    );
    const texts = await permuteInThread(groups, [1200, 1500], { maxInline });
    const [left, right] = texts.permutations.map((text) => JSON.parse(text) as number[]);
    const mask = JSON.parse(texts.mask) as number[];
    t.deepEqual([left!.length, right!.length, mask.length], [1200, 1500, 1200]);
    for (let n = 0; n < 1000; n++) {
      t.is(left![n], right![1499 - n]);
      t.is(mask[left![n]!], 1);
    }
    t.is(
      mask.reduce((sum, bit) => sum + bit),
      1000,
    );
    for (const list of [left!, right!]) t.is(new Set(list).size, list.length);
  });

  test(`${where}: rejects if already aborted`, async (t) => {
    const signal = AbortSignal.abort(new Error("the run has ended"));
    const options = { maxInline, signal };
    await t.throwsAsync(solveInThread(randomPairs(8, 10, 2, 9), [9, 9], options), {
      message: "the run has ended",
    });
    await t.throwsAsync(permuteInThread("[]", [3, 3], options), { message: "the run has ended" });
  });
}

test("reads JSON in PostgreSQL's format", (t) => {
  const { mask } = permuteRows("[[[0, 0], [1, 1]], [[0, 1], [1, 0]]]", [2, 2]);
  t.is(mask, "[1,1]");
});

test.serial("the event loop stays responsive during a large solve and a large permutation", async (t) => {
  const pairs = randomPairs(9, 1_500_000, 4, 400_000);
  const blocked = copy(pairs);
  const solvingHere = await countTurns(async () => solveGreedy(blocked));
  t.is(solvingHere, 0, "it takes no turn by itself");
  const turns = await countTurns(() => solveInThread(pairs, Array(4).fill(400_000)));
  t.true(turns > 50, `${turns} turns`);
  t.is(pairs.scores.length, 0, "the pairs were handed over, not copied");
  const permuting = await countTurns(() => permuteInThread("[]", [2_000_000, 2_000_000]));
  t.true(permuting > 50, `${permuting} turns`);
});

test.serial("an abort terminates the thread", async (t) => {
  const whole = randomPairs(10, 1_500_000, 4, 400_000);
  const stop = new AbortController();
  let turns = 0;
  const timer = setInterval(() => {
    if (++turns === 30) stop.abort(new Error("the run has ended"));
  }, 1);
  t.teardown(() => clearInterval(timer));
  const others = process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length;
  await t.throwsAsync(solveInThread(whole, Array(4).fill(400_000), { signal: stop.signal }), {
    message: "the run has ended",
  });
  t.is(process.getActiveResourcesInfo().filter((name) => name === "MessagePort").length, others);
});
