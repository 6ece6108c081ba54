// Our worker, as installed, alongside Python's on one queue.
import test from "ava";
import { until } from "../celery/until.js";
import type { StartedProcess } from "../started-process.js";
import { isRight } from "./check-run.js";
import { ServiceCluster, type StartedRun, signalAll } from "./cluster.js";
import { febrl, inBlocks } from "./data.js";

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.afterEach.always(async (t) => {
  const output = await cluster.endWorkers();
  if (!t.passed) t.log(output);
});
test.after.always(() => cluster?.remove());

const blocked = inBlocks(febrl, 3);

/** Pauses the only worker in the middle of a task; returns the delivery tags that it holds. */
async function stopInTask(worker: StartedProcess): Promise<string[]> {
  return until("a worker stopped in a task", 180_000, async () => {
    if ((await cluster.held()).length === 0) return undefined;
    signalAll(worker, "SIGSTOP");
    const held = await cluster.held();
    if (held.length > 0) return held;
    signalAll(worker, "SIGCONT");
    return undefined;
  });
}

/**
 * Starts the worker `last` and pauses it while it holds a task; starts `first`, and resumes `last` once `first` has
 * done all other tasks. Returns the number of tasks that were left at that time.
 */
async function endLast(
  run: StartedRun,
  last: () => Promise<StartedProcess>,
  first: () => Promise<StartedProcess>,
): Promise<number> {
  const worker = await last();
  const held = await stopInTask(worker);
  await first();
  await until("all other tasks done", 180_000, async () => {
    const left = await cluster.held();
    const isOver = (await cluster.store.llen("compute")) === 0 && left.every((tag) => held.includes(tag));
    return isOver ? true : undefined;
  });
  const ended = await cluster.endedCount(run);
  signalAll(worker, "SIGCONT");
  return run.packages.length - ended;
}

for (const [name, parties, threshold] of [
  ["without blocks", febrl, 0.75],
  ["with blocks that overlap", blocked, 0.7],
] as const) {
  test.serial(`${name}: a TypeScript worker ends last`, async (t) => {
    await cluster.aggregator();
    const run = await cluster.startRun(parties, threshold, 20_000);
    const ours = () => cluster.ours("ours");
    const left = await endLast(run, ours, () => cluster.python("py", "compute"));
    t.true(left > 0);
    await isRight(t, cluster, run, parties, threshold);
  });

  test.serial(`${name}: a Python worker ends last`, async (t) => {
    await cluster.aggregator();
    const run = await cluster.startRun(parties, threshold, 20_000);
    const python = () => cluster.python("py", "compute");
    const left = await endLast(run, python, () => cluster.ours("ours"));
    t.true(left > 0);
    await isRight(t, cluster, run, parties, threshold);
  });

  test.serial(`${name}: only TypeScript workers compute`, async (t) => {
    await cluster.aggregator();
    const run = await cluster.startRun(parties, threshold, 20_000);
    await Promise.all([cluster.ours("one", { concurrency: 2 }), cluster.ours("two")]);
    await isRight(t, cluster, run, parties, threshold);
  });

  test.serial(`${name}: only a Python worker computes`, async (t) => {
    const run = await cluster.startRun(parties, threshold, 100_000);
    await cluster.python("py", "compute,celery,highmemory");
    await isRight(t, cluster, run, parties, threshold);
  });
}

test.serial("packages hold ranges of large blocks, or several small blocks", async (t) => {
  const run = await cluster.startRun(blocked, 0.7, 20_000);
  t.true(run.packages.some(({ length }) => length > 1) && run.packages.some(({ length }) => length === 1));
});

test.serial("completes a run of one task", async (t) => {
  await cluster.aggregator();
  const run = await cluster.startRun(febrl, 0.8, 300_000_000);
  t.is(run.packages.length, 1);
  await cluster.ours("ours");
  await isRight(t, cluster, run, febrl, 0.8);
});

test.serial("a task that is delivered twice does not change progress or results", async (t) => {
  await cluster.aggregator();
  const run = await cluster.startRun(febrl, 0.75, 20_000);
  const messages = await cluster.store.lrange("compute", 0, -1);
  t.is(messages.length, run.packages.length);
  // Withholding one task keeps the chord open while all other tasks are done twice.
  const one = messages.pop()!;
  await cluster.store.lrem("compute", 1, one);
  await cluster.store.lpush("compute", ...messages);
  await Promise.all([cluster.ours("one", { concurrency: 2 }), cluster.ours("two")]);
  await until("all but one done twice", 180_000, async () =>
    (await cluster.store.llen("compute")) + (await cluster.held()).length === 0 ? true : undefined,
  );
  t.is(await cluster.endedCount(run), messages.length);
  await cluster.store.lpush("compute", one, one);
  await isRight(t, cluster, run, febrl, 0.75);
});
