// Our worker in the middle of a run, while the servers that it uses are killed and restarted.

import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { until } from "../celery/until.js";
import { isRight } from "./check-run.js";
import { ServiceCluster } from "./cluster.js";
import { febrl } from "./data.js";

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.afterEach.always(async (t) => {
  const output = await cluster.endWorkers();
  if (!t.passed) t.log(output);
});
test.after.always(() => cluster?.remove());

/** How long a server is down. */
const AWAY_MS = 1500;

for (const [name, server] of [
  ["PostgreSQL", () => cluster.postgres],
  ["Redis", () => cluster.redis],
  ["S3", () => cluster.s3],
] as const) {
  test.serial(`the worker survives a kill and restart of ${name}`, async (t) => {
    const run = await cluster.startRun(febrl, 0.75, 1500);
    const ours = await cluster.ours("ours", { concurrency: 2 });
    await until("some tasks done", 180_000, async () =>
      (await cluster.endedCount(run)) >= 20 ? true : undefined,
    );
    await server().kill();
    await pause(AWAY_MS);
    await server().start();
    const ended = await cluster.endedCount(run);
    t.true(ended < run.packages.length, `${ended} of ${run.packages.length} tasks`);
    await cluster.aggregator();
    await isRight(t, cluster, run, febrl, 0.75);
    t.false(ours.hasEnded);
  });
}

test.serial("the worker starts while all servers are down, and works once they are up", async (t) => {
  const run = await cluster.startRun(febrl, 0.75, 20_000);
  await Promise.all([cluster.postgres.kill(), cluster.redis.kill(), cluster.s3.kill()]);
  const started = cluster.ours("ours");
  started.catch(() => {}); // awaited below
  await until("the worker runs", 180_000, () =>
    cluster.workers[0]?.output.includes('"worker starts"') ? true : undefined,
  );
  await Promise.all([cluster.postgres.start(), cluster.redis.start(), cluster.s3.start()]);
  await started;
  await cluster.aggregator();
  await isRight(t, cluster, run, febrl, 0.75);
});
