// Our API and worker and a Python worker on the same queues: Python runs tasks that ours sent, and ours runs tasks that
// Python sent. The Python application is that of test/fleet.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import test from "ava";
import { blake2b } from "hash-wasm";
import { Client } from "minio";
import pg from "pg";
import { fleetPython } from "../../fleet/fleet-python.js";
import { RunStarter } from "../../fleet/run-starter.js";
import type { ServiceClient } from "../../service/client.js";
import { ServiceClient as Http, type NewProject } from "../../service/client.js";
import {
  asSet,
  base64Rows,
  expectedOf,
  febrlRows,
  overlappingRows,
  type Rows,
  recordCountOf,
} from "../../service/data.js";
import { BUCKET, StartedCluster } from "../../service/started-cluster.js";
import { StartedProcess } from "../../started-process.js";

const fleet = fileURLToPath(new URL("../../fleet/", import.meta.url));
const TASKS = "entityservice.tasks.";
const THRESHOLD = 0.8;
/** Python has its own queue for the tasks, besides comparisons, that it must run. */
const ROUTES = {
  [`${TASKS}comparing.create_comparison_jobs`]: { queue: "celery" },
  [`${TASKS}comparing.compute_filter_similarity`]: { queue: "compute" },
  [`${TASKS}comparing.aggregate_comparisons`]: { queue: "highmemory" },
  [`${TASKS}solver.solver_task`]: { queue: "of-python" },
  [`${TASKS}mark_run_complete.mark_run_complete`]: { queue: "of-python" },
  [`${TASKS}permutation.save_and_permute`]: { queue: "highmemory" },
};

type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

let cluster: StartedCluster;
let client: ServiceClient;
let python: StartedProcess;
let asker: RunStarter;
let database: pg.Pool;

test.before(async () => {
  cluster = await StartedCluster.start({
    workers: 0,
    env: { CELERY_ROUTES: JSON.stringify(ROUTES), CHUNK_SIZE_AIM: "20_000" },
  });
  client = new Http(cluster.url);
  const program = fleetPython("newest");
  const env = {
    ...cluster.env,
    PYTHON_AFTER_RETURN_SECONDS: "0",
    PYTHONPATH: fleet,
    PYTHONDONTWRITEBYTECODE: "1",
    PYTHONUNBUFFERED: "1",
  };
  const args = ["-m", "celery", "-A", "entity_service", "worker", "--loglevel", "INFO", "--concurrency", "1"];
  args.push("--queues", "compute,of-python", "--hostname", "py@test", "--without-mingle", "--without-gossip");
  python = new StartedProcess("python", program, args, { cwd: fleet, env });
  cluster.processes.push(python);
  await python.whenPrinted(/@test ready\./);
  asker = new RunStarter(program, env);
  database = new pg.Pool(cluster.postgres.connection("entityservice"));
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(cluster?.output);
});
test.after.always(async () => {
  await asker?.end();
  await database?.end();
  await cluster?.close();
});

/** How often Python has completed a task, according to its log. */
function doneByPython(task: string): number {
  return (
    python.output.match(new RegExp(`Task ${TASKS}${task}\\S* succeeded`.replaceAll(".", "\\."), "g"))
      ?.length ?? 0
  );
}

async function uploadFebrl(project: NewProject): Promise<void> {
  for (const [party, side] of (["a", "b"] as const).entries()) {
    const { bytes, byteLength } = febrlRows(side);
    await client.binaryUpload(project, party, bytes, byteLength);
  }
}

test.serial(
  "Python alone compares, solves and completes runs started by the TypeScript API and worker",
  async (t) => {
    await cluster.startWorker("celery,highmemory");
    const project = await client.createProject();
    await uploadFebrl(project);
    const { groups } = await client.complete<Groups>(project, THRESHOLD);
    t.is(groups.length, 946);
    const expected = await expectedOf([febrlRows("a"), febrlRows("b")], THRESHOLD);
    t.deepEqual(asSet(groups), asSet(expected.groups));
    t.true(doneByPython("comparing.compute_filter_similarity") > 10);
    t.is(doneByPython("solver.solver_task"), 1);
    t.is(doneByPython("mark_run_complete.mark_run_complete"), 1);
  },
);

test.serial(
  "a TypeScript and a Python worker share comparisons, and the scores equal the library's",
  async (t) => {
    const before = doneByPython("comparing.compute_filter_similarity");
    await cluster.startWorker("compute");
    const project = await client.createProject({ result_type: "similarity_scores" });
    await uploadFebrl(project);
    const result = await client.complete(project, 0.75);
    const { scores } = await expectedOf([febrlRows("a"), febrlRows("b")], 0.75);
    t.deepEqual(result, { similarity_scores: scores });
    const byPython = doneByPython("comparing.compute_filter_similarity") - before;
    t.log(`of 50 chunks, Python has compared ${byPython}`);
    t.true(byPython > 0 && byPython < 50);
  },
);

/** Stores what the Python API stores for a JSON upload before it sends handle_raw_upload. */
async function quarantine(dataprovider: number, rows: Rows, store: Client): Promise<string> {
  const receiptToken = randomBytes(24).toString("hex");
  const name = `quarantine/${receiptToken}.txt`;
  const content = JSON.stringify({ clknblocks: base64Rows(rows).map((encoding) => [encoding, "1"]) });
  await store.putObject(BUCKET, name, content);
  const count = recordCountOf(rows);
  await database.query(
    "INSERT INTO uploads (dp, token, file, count, block_count, state) VALUES ($1, $2, $3, $4, 1, 'pending')",
    [dataprovider, receiptToken, name, count],
  );
  const block = await blake2b("1", 256);
  await database.query("INSERT INTO blocks (dp, block_name, count, state) VALUES ($1, $2, $3, 'pending')", [
    ...[dataprovider, block, count],
  ]);
  await database.query("UPDATE dataproviders SET uploaded = 'done' WHERE id = $1", [dataprovider]);
  return receiptToken;
}

test.serial("TypeScript workers complete uploads and runs whose tasks were sent by Python", async (t) => {
  const parties = overlappingRows(51, [120, 100], 128) as [Rows, Rows];
  const project = await client.createProject();
  const { project_id } = project;
  const { run_id } = await client.run(project, THRESHOLD);
  const { rows: dataproviders } = await database.query<{ id: number }>(
    "SELECT id FROM dataproviders WHERE project = $1 ORDER BY id",
    [project_id],
  );
  const { host: endPoint, port, accessKey, secretKey } = cluster.s3;
  const store = new Client({ endPoint, port, useSSL: false, accessKey, secretKey });
  for (const [party, { id }] of dataproviders.entries()) {
    const receipt_token = await quarantine(id, parties[party]!, store);
    await asker.ask("send", {
      name: `${TASKS}encoding_uploading.handle_raw_upload`,
      args: [project_id, id, receipt_token],
      kwargs: { parent_span: {} },
    });
  }
  await client.waitUntilComplete(project, run_id);
  const { groups } = await client.result<Groups>(project, run_id);
  t.deepEqual(asSet(groups), asSet((await expectedOf(parties, THRESHOLD)).groups));

  // A run as Python's API adds it.
  const second = randomBytes(24).toString("hex");
  await database.query(
    `INSERT INTO runs (run_id, project, name, notes, threshold, state, stage, type)
     VALUES ($1, $2, '', '', 0.9, 'created', 1, 'default')`,
    [second, project_id],
  );
  await asker.ask("send", {
    name: `${TASKS}pre_run_check.check_for_executable_runs`,
    args: [project_id, {}],
  });
  await client.waitUntilComplete(project, second);
  const result = await client.result<Groups>(project, second);
  t.deepEqual(asSet(result.groups), asSet((await expectedOf(parties, 0.9)).groups));

  await database.query("UPDATE projects SET marked_for_deletion = true WHERE project_id = $1", [project_id]);
  await asker.ask("send", {
    name: `${TASKS}project_cleanup.remove_project`,
    args: [project_id],
    kwargs: { parent_span: {} },
  });
  await client.until("the project's end", 120_000, async () => {
    const { rows } = await database.query("SELECT 1 FROM projects WHERE project_id = $1", [project_id]);
    return rows.length === 0 ? true : undefined;
  });
  const left = await store.listObjects(BUCKET, "quarantine/", true).toArray();
  t.deepEqual(left, []);
});
