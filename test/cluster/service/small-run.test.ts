// A small run behind a huge one, on one worker: all their packages wait in one queue, and the small run's are done first.
import test from "ava";
import { ServiceClient } from "../../service/client.js";
import { randomRows } from "../../service/data.js";
import { StartedCluster } from "../../service/started-cluster.js";

/** Rows of each party of the huge run: 2,500 packages. */
const HUGE = 5000;
const CHUNK_SIZE_AIM = 10_000;

let cluster: StartedCluster;
test.before(async () => {
  cluster = await StartedCluster.start({ workers: 1, env: { CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM) } });
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(cluster?.output);
});
test.after.always(() => cluster?.close());

test("a small run is complete while most packages of a huge one still wait", async (t) => {
  const client = new ServiceClient(cluster.url);
  const start = async (seed: number, recordCount: number) => {
    const project = await client.createProject();
    for (const party of [0, 1]) {
      const { bytes, byteLength } = randomRows(seed + party, recordCount);
      await client.binaryUpload(project, party, bytes, byteLength);
    }
    return { project, runId: (await client.run(project)).run_id };
  };
  const huge = await start(1, HUGE);
  const progressOfHuge = async () => {
    const { current_stage: stage } = await client.runStatus(huge.project, huge.runId);
    return stage.number === 2 ? (stage.progress?.absolute ?? 0) : 0;
  };
  await client.until("progress of the huge run", 60_000, async () =>
    (await progressOfHuge()) > 0 ? true : undefined,
  );
  const small = await start(3, 200); // 4 packages
  await client.waitUntilComplete(small.project, small.runId);
  const { state, current_stage: stage } = await client.runStatus(huge.project, huge.runId);
  t.is(state, "running");
  t.is(stage.number, 2);
  t.true((stage.progress?.absolute ?? 0) < HUGE ** 2 / 2, `${stage.progress?.absolute} comparisons`);
  await client.waitUntilComplete(huge.project, huge.runId);
});
