import test from "ava";
import type { Dataprovider, PartyState, Project, UploadState } from "../../src/linkage/project.js";
import type { Run } from "../../src/linkage/run.js";
import type { TaskProgress } from "../../src/linkage/run-cache.js";
import { runStatus } from "../../src/linkage/run-status.js";

const NOW = new Date("2024-01-01T00:01:40Z");

function party(state: PartyState, uploadState?: UploadState): Dataprovider {
  return { state, upload: uploadState && { state: uploadState } } as Dataprovider;
}

async function status(
  run: Partial<Run>,
  {
    parties = [party("done", "ready"), party("done", "ready")],
    project = {},
    progress = undefined as TaskProgress | undefined,
    total = 1000,
  } = {},
) {
  return runStatus(
    { cache: { progressOf: async () => progress }, countComparisons: async () => total },
    { projectId: "p", partyCount: 2, resultType: "groups", ...project } as Project,
    parties,
    { runId: "r", state: "running", stage: 2, timeStarted: new Date("2024-01-01T00:00:00Z"), ...run } as Run,
    NOW,
  );
}

test("the first stage counts parties whose uploads were accepted", async (t) => {
  const parties = [party("done", "pending"), party("in_progress", "pending")];
  const found = await status({ state: "created", stage: 1, timeStarted: undefined }, { parties });
  t.like(found, { state: "created", stageCount: 3, stage: 1, progress: { absolute: 1, relative: 0.5 } });
  t.is(found.secondsLeft, undefined);
});

test("the second stage counts comparisons and estimates the remaining time", async (t) => {
  const found = await status({}, { progress: { comparisons: 250, candidates: 3 } });
  t.like(found, { state: "running", progress: { absolute: 250, relative: 0.25 }, secondsLeft: 300 });
  t.is(found.comparisons, undefined);
});

test("relative progress is at most 1, and 0 if there is nothing to compare", async (t) => {
  const progress = { comparisons: 1500, candidates: 0 }; // a Python worker counts redelivered chunks twice
  t.like(await status({}, { progress }), { progress: { absolute: 1000, relative: 1 }, secondsLeft: 0 });
  const nothing = await status({}, { progress: { comparisons: 0, candidates: 0 }, total: 0 });
  t.like(nothing, { progress: { absolute: 0, relative: 0 }, secondsLeft: undefined });
});

test("gives no estimate without enough progress", async (t) => {
  t.like(await status({}), { progress: undefined, secondsLeft: undefined });
  const hardly = await status({}, { progress: { comparisons: 1, candidates: 0 } });
  t.is(hardly.secondsLeft, undefined);
  const atOnce = await status({ timeStarted: NOW }, { progress: { comparisons: 500, candidates: 0 } });
  t.is(atOnce.secondsLeft, undefined);
});

test("the third stage has no progress", async (t) => {
  const found = await status({ stage: 3 }, { progress: { comparisons: 5, candidates: 0 } });
  t.like(found, { stage: 3, progress: undefined, secondsLeft: undefined });
});

test("a completed run reports its comparisons; with similarity scores it has two stages", async (t) => {
  const project = { resultType: "similarity_scores" } as const;
  t.like(await status({ state: "completed", stage: 2 }, { project }), {
    state: "completed",
    stageCount: 2,
    comparisons: 1000,
    progress: { absolute: 1000, relative: 1 },
    message: undefined,
  });
});

test("a failed upload puts all runs in error, with a message", async (t) => {
  for (const parties of [
    [party("error"), party("not_started")],
    [party("done", "ready"), party("done", "error")],
  ]) {
    const found = await status({ state: "created", stage: 1 }, { parties });
    t.is(found.state, "error");
    t.regex(found.message!, /upload/);
  }
  t.is((await status({ state: "error", errorMessage: "too many pairs" })).message, "too many pairs");
  t.truthy((await status({ state: "error" })).message);
});
