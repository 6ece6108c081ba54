// Backup and restore with the commands in docs/operations.md: of a cluster's stores, and of a data folder.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import pg from "pg";
import { mcProgram } from "../servers/mc-program.js";
import { type NewProject, ServiceClient } from "../service/client.js";
import { asSet, expectedOf, febrlRows, overlappingRows, type Rows } from "../service/data.js";
import { ServeProcess } from "../service/serve-process.js";
import { BUCKET, StartedCluster } from "../service/started-cluster.js";
import { markedBlock } from "./documents.js";

const run = promisify(execFile);
const DOCUMENT = "docs/operations.md";
const THRESHOLD = 0.8;
const febrl = [febrlRows("a"), febrlRows("b")] as const;

type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** Runs the commands of a marked code block of the document in a folder. */
async function follow(marker: string, cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  await run("bash", ["-euo", "pipefail", "-c", markedBlock(DOCUMENT, marker)], { cwd, env });
}

function newFolder(t: { teardown(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "operator-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The environment of an operator's shell with access to a cluster's stores. */
function operatorsEnvironment({ postgres, redis, s3 }: StartedCluster, folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${dirname(mcProgram())}${delimiter}${process.env["PATH"]}`,
    PGHOST: postgres.host,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGPASSWORD: postgres.password,
    PGDATABASE: "entityservice",
    REDIS_HOST: "127.0.0.1",
    REDIS_PORT: String(redis.port),
    MINIO_BUCKET: BUCKET,
    MC_CONFIG_DIR: join(folder, ".mc"),
    MC_HOST_linkage: `http://${s3.accessKey}:${s3.secretKey}@${s3.address}`,
  };
}

async function upload(client: ServiceClient, project: NewProject, parties: readonly Rows[]): Promise<void> {
  for (const [party, { bytes, byteLength }] of parties.entries()) {
    await client.binaryUpload(project, party, bytes, byteLength);
  }
}

/** Creates projects in each stage of their life cycle; returns them with their expected results. */
async function fill(client: ServiceClient, cluster: StartedCluster) {
  const expected = await expectedOf(febrl, THRESHOLD);
  const worker = await cluster.startWorker();

  const grouped = await client.createProject();
  await upload(client, grouped, febrl);
  const { run_id: groupedRun } = await client.run(grouped, THRESHOLD);
  await client.waitUntilComplete(grouped, groupedRun);

  const scored = await client.createProject({ result_type: "similarity_scores" });
  await upload(client, scored, febrl);
  const { run_id: scoredRun } = await client.run(scored, THRESHOLD);
  await client.waitUntilComplete(scored, scoredRun);

  const waiting = await client.createProject();
  await upload(client, waiting, febrl.slice(0, 1));
  const { run_id: waitingRun } = await client.run(waiting, THRESHOLD);

  await worker.killGroup();
  await cluster.startWorker("celery"); // starts runs, but does not run comparisons
  const running = await client.createProject();
  const runningParties = overlappingRows(7, [400, 300], 128);
  await upload(client, running, runningParties);
  const { run_id: runningRun } = await client.run(running, THRESHOLD);
  await client.until("a running run", 120_000, async () =>
    (await client.runStatus(running, runningRun)).state === "running" ? true : undefined,
  );
  return {
    expected,
    runningExpected: await expectedOf(runningParties, THRESHOLD),
    ...{ grouped, groupedRun, scored, scoredRun, waiting, waitingRun, running, runningRun },
  };
}

for (const kind of ["packed", "tables"] as const) {
  test.serial(`${kind}: a backup is restored into other stores, and its runs continue`, async (t) => {
    const folder = newFolder(t);
    const lost = await StartedCluster.start({ kind, workers: 0 });
    t.teardown(() => lost.close());
    const filled = await fill(new ServiceClient(lost.url), lost);
    // The service keeps running during the backup.
    await follow("backup", folder, operatorsEnvironment(lost, folder));
    await lost.close();

    const restored = await StartedCluster.start({ kind, workers: 0, withApi: false });
    t.teardown(() => restored.close());
    await follow("restore", folder, operatorsEnvironment(restored, folder));
    await restored.startApi();
    await restored.startWorker();
    const client = new ServiceClient(restored.url);

    const { expected, grouped, groupedRun, scored, scoredRun } = filled;
    const { groups } = await client.result<Groups>(grouped, groupedRun);
    t.deepEqual(asSet(groups), asSet(expected.groups));
    t.deepEqual(await client.result(scored, scoredRun), { similarity_scores: expected.scores });
    // Encodings are restored too.
    const again = await client.complete<Groups>(grouped, THRESHOLD);
    t.deepEqual(asSet(again.groups), asSet(expected.groups));

    const { running, runningRun, runningExpected } = filled;
    await client.waitUntilComplete(running, runningRun);
    const late = await client.result<Groups>(running, runningRun);
    t.deepEqual(asSet(late.groups), asSet(runningExpected.groups));

    const { waiting, waitingRun } = filled;
    await client.binaryUpload(waiting, 1, febrl[1].bytes, febrl[1].byteLength);
    await client.waitUntilComplete(waiting, waitingRun);
    const first = await client.result<Groups>(waiting, waitingRun);
    t.deepEqual(asSet(first.groups), asSet(expected.groups));
    if (!t.passed) t.log(restored.output);
  });
}

test.serial(
  "after Redis loses its data, runs continue once they are queued again and the API is restarted",
  async (t) => {
    const cluster = await StartedCluster.start({ kind: "packed", workers: 0, withApi: false });
    t.teardown(() => cluster.close());
    const api = await cluster.startApi();
    const client = new ServiceClient(cluster.url);
    const { running, runningRun, runningExpected } = await fill(client, cluster);
    await api.killGroup();
    await run("redis-cli", ["-p", String(cluster.redis.port), "flushall"]);
    const database = new pg.Client(cluster.postgres.connection("entityservice"));
    await database.connect();
    const document = markedBlock(DOCUMENT, "lost-redis");
    await database.query(/--command "([^"]+)"/.exec(document)![1]!);
    await database.end();
    await cluster.startApi();
    await cluster.startWorker();
    await client.waitUntilComplete(running, runningRun);
    const { groups } = await client.result<Groups>(running, runningRun);
    t.deepEqual(asSet(groups), asSet(runningExpected.groups));
  },
);

test.serial("a restored copy of a data folder works like the original", async (t) => {
  const folder = newFolder(t);
  const serve = await ServeProcess.start(join(folder, "anonlink-data"));
  t.teardown(() => serve.kill());
  const { client } = serve;
  const project = await client.createProject();
  await upload(client, project, febrl);
  const { run_id } = await client.run(project, THRESHOLD);
  await client.waitUntilComplete(project, run_id);
  const before = await client.result(project, run_id);
  t.is(await serve.stop(), 0);
  await follow("serve:backup", folder);
  rmSync(join(folder, "anonlink-data"), { recursive: true });
  await follow("serve:restore", folder);
  await serve.start();
  t.deepEqual(await client.result(project, run_id), before);
  t.deepEqual(await client.complete(project, THRESHOLD), before);
});
