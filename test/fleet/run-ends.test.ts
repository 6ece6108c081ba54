// Runs that are deleted or fail, and remote control, while our worker is busy.
import test from "ava";
import { until } from "../celery/until.js";
import { ServiceCluster } from "./cluster.js";
import { febrl, randomParties } from "./data.js";

let cluster: ServiceCluster;
test.before(async () => {
  cluster = await ServiceCluster.start();
});
test.afterEach.always(async (t) => {
  const output = await cluster.endWorkers();
  if (!t.passed) t.log(output);
});
test.after.always(() => cluster?.remove());

test.serial("a deleted run ends promptly and silently, including a chunk in progress", async (t) => {
  const ours = await cluster.ours("ours", { concurrency: 2 });
  const run = await cluster.startRun(febrl, 0.75, 1000);
  await until("some tasks done", 180_000, async () =>
    (await cluster.endedCount(run)) >= 3 ? true : undefined,
  );
  await cluster.store.hset(`run:${run.runId}`, "state", "deleted");
  const before = await cluster.progress(run);
  const start = Date.now();
  await until("the queue is empty and nothing held", 180_000, async () =>
    (await cluster.store.llen("compute")) + (await cluster.held()).length === 0 ? true : undefined,
  );
  t.log(`${run.packages.length} tasks given up in ${Date.now() - start} ms`);
  t.true(Number(before["comparisons"]) < 1_000_000);
  t.deepEqual(await cluster.progress(run), before);
  t.notRegex(ours.output, /"level":[456]0/); // no warning, no error
  const { rows } = await cluster.database.query("SELECT state, error_msg FROM runs WHERE run_id = $1", [
    run.runId,
  ]);
  t.deepEqual(rows, [{ state: "running", error_msg: null }]);
});

test.serial("a run over the candidate limit fails with a reason", async (t) => {
  await cluster.ours("ours", { env: { SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS: "900" } });
  const run = await cluster.startRun(febrl, 0.8, 50_000);
  const sql = "SELECT state, error_msg FROM runs WHERE run_id = $1";
  const failed = await until("the run has failed", 180_000, async () => {
    const { rows } = await cluster.database.query(sql, [run.runId]);
    return rows[0].state === "error" ? rows[0] : undefined;
  });
  t.regex(failed.error_msg, /more than 900 candidate pairs/);
  // Only now, because the Python service's error handler writes a different message.
  await cluster.aggregator();
  await cluster.allAcknowledged();
  const body = await until("the end of the chord", 180_000, async () => {
    const text = await cluster.store.get(`celery-task-meta-${run.bodyId}`);
    return text === null ? undefined : JSON.parse(text);
  });
  t.like(body, { status: "FAILURE", result: { exc_type: "TypeError" } });
  const { rows } = await cluster.database.query(sql, [run.runId]);
  t.is(rows[0].state, "error");
});

test.serial("answers ping during a long chunk, and a revoke ends the chunk", async (t) => {
  await cluster.ours("ours");
  const run = await cluster.startRun(randomParties(1, 20_000, 512), 0.5, 10 ** 12);
  await until("the chunk is worked on", 180_000, async () => ((await cluster.held())[0] ? true : undefined));
  const started = Date.now();
  const times: number[] = [];
  while (Date.now() - started < 3000) {
    const asked = Date.now();
    const answer = await cluster.ask("ping", { hostname: "ours@test", timeout: 30 });
    t.deepEqual(answer, { "ours@test": { ok: "pong" } });
    times.push(Date.now() - asked);
  }
  t.is((await cluster.held()).length, 1, "the chunk must last longer than that");
  t.log(`${times.length} pings took ${Math.max(...times)} ms at most`);
  await cluster.ask("revoke", { task_id: run.taskIds[0] });
  await until("the chunk is given up", 180_000, async () =>
    (await cluster.held()).length === 0 ? true : undefined,
  );
  t.is(JSON.parse((await cluster.store.get(`celery-task-meta-${run.taskIds[0]}`))!).status, "REVOKED");
  t.is((await cluster.progress(run))["comparisons"], undefined);
});
