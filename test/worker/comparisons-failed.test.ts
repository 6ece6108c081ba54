import test from "ava";
import { comparisonsOf, TASK_NAMES } from "../../src/linkage/task-calls.js";
import type { ChordPart } from "../../src/linkage/task-queue.js";
import { type ComparisonsFailedStores, comparisonsFailed } from "../../src/worker/comparisons-failed.js";

const IDS = { project_id: "a".repeat(48), run_id: "b".repeat(48) };

interface World {
  readonly state?: string;
  readonly isMerged?: boolean;
  readonly parts?: readonly ChordPart["state"][];
  readonly hasChordFailed?: boolean;
  /** What the parts are once first failures are forgotten; default: as before. */
  readonly partsAfter?: readonly ChordPart["state"][];
}

/** Runs the task; returns the messages with which the run failed, and the chords that were sent. */
async function outcomeOf(world: World, isLastTry = true) {
  const { state = "running", isMerged = false, hasChordFailed = false } = world;
  let { parts } = world;
  const failures: string[] = [];
  const chords: string[] = [];
  const stores = {
    database: {
      findRun: async () => ({ projectId: IDS.project_id, runId: IDS.run_id, state, threshold: 0.8 }),
      findSimilarityScores: async () => (isMerged ? "scores.bin" : undefined),
      failRun: async (_: string, message: string) => failures.push(message) > 0,
      findProject: async () => ({ encodingSize: 8 }),
      listDataproviders: async () => [1, 2].map((id) => ({ id, index: id - 1 })),
      async *listCommonBlocks() {
        yield { leftBlockId: 1, leftCount: 10, rightBlockId: 2, rightCount: 10 };
      },
    },
    cache: { settlePackageSize: async () => 100 },
    tasks: {
      send: async () => {},
      sendChord: async (_: unknown, { onError }: { onError?: { name: string } }, id: string) => {
        chords.push(`${id} ${onError?.name}`);
      },
      chordParts: async () => parts?.map((each, n) => ({ id: String(n), state: each, result: null })),
      forgetFirstFailures: async () => {
        parts = world.partsAfter ?? parts;
      },
      hasChordFailed: async () => hasChordFailed,
    },
  };
  await comparisonsFailed(stores as unknown as ComparisonsFailedStores, 100).run(IDS, {
    taskId: "x",
    isLastTry,
  });
  return { failures, chords };
}

const SENT = [`${comparisonsOf(IDS.run_id)} ${TASK_NAMES.comparisonsFailed}`];

test("comparisons that are done or unfinished, though counted as failed, do not fail the run", async (t) => {
  for (const parts of [
    ["done", "done"],
    ["done", "unfinished"],
  ] as const) {
    t.deepEqual(await outcomeOf({ parts, hasChordFailed: true }), { failures: [], chords: SENT });
  }
});

test("resends a comparison that failed once, whatever the state of the chord", async (t) => {
  for (const hasChordFailed of [true, false]) {
    t.deepEqual(
      await outcomeOf({ parts: ["done", "failed"], partsAfter: ["done", "unfinished"], hasChordFailed }),
      { failures: [], chords: SENT },
    );
  }
});

test("a comparison that finally failed fails the run with a message", async (t) => {
  t.deepEqual(await outcomeOf({ parts: ["done", "failed", "done"], hasChordFailed: true }), {
    failures: ["1 of the 3 tasks that compare encodings have failed."],
    chords: [],
  });
});

test("fails the run if the callback of the chord failed or its parts are unknown", async (t) => {
  for (const parts of [["done", "done"], undefined] as const) {
    t.deepEqual(await outcomeOf({ parts }), {
      failures: ["Run failed with an internal server error."],
      chords: [],
    });
  }
});

test("ignores a run that has ended or whose results are already merged", async (t) => {
  const nothing = { failures: [], chords: [] };
  t.deepEqual(await outcomeOf({ state: "error", parts: ["failed"] }), nothing);
  t.deepEqual(await outcomeOf({ isMerged: true, parts: undefined }), nothing);
});

test("retries if the failure of the chord is not stored yet", async (t) => {
  await t.throwsAsync(outcomeOf({ parts: ["done", "done"] }, false), { message: /look again later/ });
  t.deepEqual(await outcomeOf({ parts: ["done", "done"], hasChordFailed: true }), {
    failures: [],
    chords: SENT,
  });
});
