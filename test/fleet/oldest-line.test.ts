// The line of Celery that the Python service pins, alongside our worker.
import test from "ava";
import { until } from "../celery/until.js";
import { isRight } from "./check-run.js";
import { ServiceCluster } from "./cluster.js";
import { febrl, inBlocks } from "./data.js";

test("the oldest supported Celery and the TypeScript worker share a run", async (t) => {
  const cluster = await ServiceCluster.start({ line: "oldest" });
  t.teardown(() => cluster.remove());
  const parties = inBlocks(febrl, 3);
  const run = await cluster.startRun(parties, 0.7, 5000);
  await cluster.python("aggregator", "celery,highmemory");
  const python = await cluster.python("py", "compute");
  await until("tasks done by Python", 180_000, async () =>
    (await cluster.endedCount(run)) > 0 ? true : undefined,
  );
  python.signal("SIGTERM"); // it exits when its task is done
  await python.waitForEnd();
  const byPython = await cluster.endedCount(run);
  t.true(byPython < run.packages.length);
  await cluster.ours("ours");
  await isRight(t, cluster, run, parties, 0.7);
});
