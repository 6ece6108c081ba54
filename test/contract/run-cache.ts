// The contract of every RunCache.
import type { ExecutionContext, TestFn } from "ava";
import type { RunCache } from "../../src/linkage/run-cache.js";

export interface OpenedRunCache {
  readonly cache: RunCache;
  /** Lets this many seconds pass for an upload's lease. */
  pass(receiptToken: string, seconds: number): Promise<void>;
}

/** @param open opens a cache for this test only, and closes it in a teardown */
export function testRunCache(test: TestFn, open: (t: ExecutionContext) => Promise<OpenedRunCache>): void {
  const run = (n = Math.random()) => `run ${n}`;

  test("a run is unknown, active, complete or deleted", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    t.is(await cache.runState(runId), undefined);
    t.false(await cache.isActive(runId));
    for (const state of ["active", "complete", "deleted"] as const) {
      await cache.setRunState(runId, state);
      t.is(await cache.runState(runId), state);
      t.is(await cache.isActive(runId), state === "active");
    }
  });

  test("a run's state only moves forward, from active to complete to deleted", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    await cache.setRunState(runId, "complete");
    t.is(await cache.runState(runId), undefined);
    await cache.setRunState(runId, "active");
    await cache.setRunState(runId, "complete");
    await cache.setRunState(runId, "active");
    t.is(await cache.runState(runId), "complete");
    await cache.setRunState(runId, "deleted");
    for (const state of ["active", "complete"] as const) {
      await cache.setRunState(runId, state);
      t.is(await cache.runState(runId), "deleted");
    }
  });

  test("adds up progress, each task once, also if repeated concurrently", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    t.is(await cache.progressOf(runId), undefined);
    await cache.setRunState(runId, "active");
    t.deepEqual(await cache.progressOf(runId), { comparisons: 0, candidates: 0 });
    const same = { comparisons: 10, candidates: 3 };
    const totals = await Promise.all(
      Array.from({ length: 20 }, () => cache.countProgress(runId, "same", same)),
    );
    t.deepEqual(new Set(totals), new Set([3]));
    const large = { comparisons: 4_000_000_000_000, candidates: 0 };
    t.is(await cache.countProgress(runId, "other", large), 3);
    t.deepEqual(await cache.progressOf(runId), { comparisons: 4_000_000_000_010, candidates: 3 });
  });

  test("the first caller sets the package size for all", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    t.is(await cache.settlePackageSize(runId, 7), 7);
    t.is(await cache.runState(runId), undefined, "of an unknown run nothing is noted");
    await cache.setRunState(runId, "active");
    const wanted = [100, 200, 300];
    const settled = await Promise.all(wanted.map((size) => cache.settlePackageSize(runId, size)));
    t.is(new Set(settled).size, 1);
    t.true(wanted.includes(settled[0]!));
    await cache.remove(runId);
    t.is(await cache.settlePackageSize(runId, 400), 400);
  });

  test("clearing progress at the end of a stage keeps the counted tasks", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    await cache.setRunState(runId, "active");
    await cache.countProgress(runId, "task", { comparisons: 10, candidates: 3 });
    await cache.clearProgress(runId);
    t.deepEqual(await cache.progressOf(runId), { comparisons: 0, candidates: 0 });
    t.is(await cache.countProgress(runId, "task", { comparisons: 10, candidates: 3 }), 0);
    t.true(await cache.isActive(runId));
  });

  test("does not count progress of a run that is not active", async (t) => {
    const { cache } = await open(t);
    const progress = { comparisons: 1, candidates: 1 };
    const unknown = run();
    t.is(await cache.countProgress(unknown, "task", progress), undefined);
    t.is(await cache.progressOf(unknown), undefined);
    const runId = run();
    await cache.setRunState(runId, "active");
    for (const state of ["complete", "deleted"] as const) {
      await cache.setRunState(runId, state);
      t.is(await cache.countProgress(runId, "task", progress), undefined);
      t.deepEqual(await cache.progressOf(runId), { comparisons: 0, candidates: 0 });
    }
    await cache.clearProgress(unknown);
    t.is(await cache.runState(unknown), undefined);
  });

  test("a removed run is unknown and can start again", async (t) => {
    const { cache } = await open(t);
    const runId = run();
    await cache.setRunState(runId, "active");
    await cache.countProgress(runId, "task", { comparisons: 10, candidates: 3 });
    await cache.remove(runId);
    await cache.remove(runId);
    t.is(await cache.runState(runId), undefined);
    t.is(await cache.progressOf(runId), undefined);
    await cache.setRunState(runId, "active");
    t.is(await cache.countProgress(runId, "task", { comparisons: 10, candidates: 3 }), 3);
  });

  test("removing an unknown project succeeds", async (t) => {
    const { cache } = await open(t);
    await cache.removeProject(run());
    await t.notThrowsAsync(cache.removeProject(run()));
  });

  test("runs do not share state", async (t) => {
    const { cache } = await open(t);
    const [one, two] = [run(), run()];
    await cache.setRunState(one, "active");
    await cache.setRunState(two, "active");
    await cache.countProgress(one, "task", { comparisons: 10, candidates: 3 });
    t.is(await cache.countProgress(two, "task", { comparisons: 20, candidates: 5 }), 5);
    await cache.remove(one);
    t.deepEqual(await cache.progressOf(two), { comparisons: 20, candidates: 5 });
  });

  test("an upload is held until it is released", async (t) => {
    const { cache } = await open(t);
    const token = run();
    t.false(await cache.isUploadHeld(token));
    await cache.releaseUpload(token);
    await cache.holdUpload(token, 60);
    t.true(await cache.isUploadHeld(token));
    t.false(await cache.isUploadHeld(run()));
    await cache.releaseUpload(token);
    t.false(await cache.isUploadHeld(token));
  });

  test("the hold on an upload expires after a minute unless renewed", async (t) => {
    const { cache, pass } = await open(t);
    const token = run();
    await cache.holdUpload(token, 60);
    await pass(token, 40);
    t.true(await cache.isUploadHeld(token));
    await cache.holdUpload(token, 60);
    await pass(token, 40);
    t.true(await cache.isUploadHeld(token));
    await pass(token, 21);
    t.false(await cache.isUploadHeld(token));
  });

  test("check() succeeds", async (t) => {
    const { cache } = await open(t);
    await t.notThrowsAsync(cache.check(AbortSignal.timeout(120_000)));
  });
}
