// An API that is killed after it writes to the database and before it sends the task: the next API to start sends it.
import test from "ava";
import pg from "pg";
import { type NewProject, ServiceClient } from "../../service/client.js";
import { base64Rows, randomRows } from "../../service/data.js";
import { StartedCluster } from "../../service/started-cluster.js";
import type { StartedProcess } from "../../started-process.js";

const clks = base64Rows(randomRows(1, 10));

let cluster: StartedCluster;
let api: StartedProcess;
let database: pg.Pool;
let client: ServiceClient;
test.before(async () => {
  cluster = await StartedCluster.start({ withApi: false, workers: 1 });
  api = await cluster.startApi();
  client = new ServiceClient(cluster.url);
  database = new pg.Pool(cluster.postgres.connection("entityservice"));
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(cluster?.output);
});
test.after.always(async () => {
  await database?.end();
  await cluster?.close();
});

/** A project with both uploads, and a run that no task will start. */
async function projectWithRun(state: "created" | "queued"): Promise<{ project: NewProject; runId: string }> {
  const project = await client.createProject();
  for (const party of [0, 1]) await client.upload(project, party, { clks });
  // Inserted after another run is complete, so that no message for the project is pending.
  const { run_id: runId } = await client.run(project, 1);
  await client.waitUntilComplete(project, runId);
  const lost = "0123456789abcdef".repeat(3);
  const id = `${runId.slice(0, 24)}${lost.slice(24)}`;
  await database.query(
    `INSERT INTO runs (run_id, project, name, notes, threshold, state, stage, type)
     VALUES ($1, $2, '', '', 1, $3, $4, 'default')`,
    [id, project.project_id, state, state === "created" ? 1 : 2],
  );
  return { project, runId: id };
}

async function restartApi(): Promise<void> {
  await api.killGroup();
  api = await cluster.startApi();
}

for (const state of ["created", "queued"] as const) {
  test.serial(`a starting API resumes a run in state ${state} whose task was never sent`, async (t) => {
    const { project, runId } = await projectWithRun(state);
    await restartApi();
    await client.waitUntilComplete(project, runId, 600_000);
    t.is((await client.result<{ groups: unknown[] }>(project, runId)).groups.length, 10);
  });
}

test.serial("a starting API removes a deleted project whose removal was never sent", async (t) => {
  const { project } = await projectWithRun("created");
  await database.query("UPDATE projects SET marked_for_deletion = true WHERE project_id = $1", [
    project.project_id,
  ]);
  await restartApi();
  await client.until("the project's end", 120_000, async () => {
    const { rows } = await database.query("SELECT 1 FROM projects WHERE project_id = $1", [
      project.project_id,
    ]);
    return rows.length === 0 ? true : undefined;
  });
  t.pass();
});
