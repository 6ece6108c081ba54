// A small run behind a huge one, on one worker: all packages wait in one queue, and the small run's are done first.
import test from "ava";
import IORedis from "ioredis";
import { type NewProject, ServiceClient } from "../../service/client.js";
import { randomRows } from "../../service/data.js";
import { StartedCluster } from "../../service/started-cluster.js";

/** Records of each party in the huge run: 900 packages. */
const HUGE = 3000;
const CHUNK_SIZE_AIM = 10_000;
const HUGE_PACKAGES = HUGE ** 2 / CHUNK_SIZE_AIM;
/** Timeout of each step; the machine may be slow and busy. */
const PATIENCE_MS = 300_000;

let cluster: StartedCluster;
let redis: IORedis.Redis;
/** Subscribed to each result as it is stored, because results are removed when a run has all of them. */
let listener: IORedis.Redis;
/** The time when each package was done, in milliseconds. */
const times: number[] = [];

test.before(async () => {
  cluster = await StartedCluster.start({ workers: 0, env: { CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM) } });
  redis = new IORedis(cluster.redis.url);
  listener = new IORedis(cluster.redis.url);
  listener.on("pmessage", (_pattern: string, _channel: string, text: string) => {
    const { date_done: date, result } = JSON.parse(text) as { date_done: string; result: unknown };
    if (Array.isArray(result)) times.push(Date.parse(date)); // results of other tasks are not kept
  });
  await listener.psubscribe("celery-task-meta-*");
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(cluster?.output);
});
test.after.always(() => {
  redis?.disconnect();
  listener?.disconnect();
  return cluster?.close();
});

test("a small run completes while most packages of a huge one are still waiting", async (t) => {
  t.timeout(6 * PATIENCE_MS);
  const client = new ServiceClient(cluster.url);
  const upload = async (seed: number, recordCount: number) => {
    const project = await client.createProject();
    for (const party of [0, 1]) {
      const { bytes, byteLength } = randomRows(seed + party, recordCount);
      await client.binaryUpload(project, party, bytes, byteLength);
    }
    return project;
  };
  /** Starts a run, and waits until `queued` packages are in the queue. */
  const start = async (project: NewProject, queued: number) => {
    const { run_id } = await client.run(project);
    await client.until(`${queued} packages`, PATIENCE_MS, async () =>
      (await waitingPackages()) === queued ? true : undefined,
    );
    return { project, runId: run_id };
  };
  const projects = { huge: await upload(1, HUGE), small: await upload(3, 200) };
  const sender = await cluster.startWorker("celery");
  const huge = await start(projects.huge, HUGE_PACKAGES);
  const small = await start(projects.small, HUGE_PACKAGES + 4);
  sender.signal("SIGTERM");
  await sender.waitForEnd(PATIENCE_MS);

  await cluster.startWorker(); // runs all tasks
  const { time_completed: completed } = await client.waitUntilComplete(
    small.project,
    small.runId,
    PATIENCE_MS,
  );
  await client.waitUntilComplete(huge.project, huge.runId, PATIENCE_MS);
  // Compares the times in the results, because the huge run continues while the client polls.
  t.is(times.length, HUGE_PACKAGES + 4);
  const done = times.filter((time) => time < Date.parse(`${completed}Z`)).length;
  t.true(done < HUGE_PACKAGES / 2, `${done} of ${HUGE_PACKAGES + 4} packages were done`);
  t.log(`${done} packages were done when the small run was complete`);
});

/** The number of waiting packages, at all priorities. */
async function waitingPackages(): Promise<number> {
  const keys = await redis.keys("compute*");
  const lengths = await Promise.all(keys.map((key) => redis.llen(key)));
  return lengths.reduce((sum, length) => sum + length, 0);
}
