// Clients of the Python entity service, from PyPI, against our service.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { pythonEnvironment } from "../../../python-environment.js";
import type { NewProject } from "../../../service/client.js";
import { StartedCluster } from "../../../service/started-cluster.js";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));
const data = fileURLToPath(new URL("../../../data/febrl4-1k/", import.meta.url));
const TIMEOUT_MS = 240_000;

let programs: string;
let cluster: StartedCluster;
let folder: string;
test.before(async () => {
  programs = pythonEnvironment(join(here, "requirements.txt"), "service-client");
  cluster = await StartedCluster.start({ workers: 1 });
  folder = mkdtempSync(join(tmpdir(), "python-client-"));
});
test.afterEach.always((t) => {
  if (!t.passed) t.log(cluster?.output);
});
test.after.always(async () => {
  await cluster?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

test.serial("a script with requests, minio and anonlink completes whole life cycles", async (t) => {
  const args = [join(here, "life_cycles.py"), cluster.url, data];
  const { stdout } = await run(join(programs, "python"), args, { timeout: TIMEOUT_MS });
  t.is(stdout.match(/^passed /gm)?.length, 7, stdout);
});

/** The code of the `anonlink` program. The script itself cannot be used, because finished environments are moved. */
const ANONLINK = ["-c", "from anonlinkclient.cli import cli; cli()"];

/** Runs anonlink-client's command line; returns the JSON that it writes. */
async function anonlink<Output>(command: string, args: readonly string[]): Promise<Output> {
  const file = join(folder, `${command}-${process.hrtime.bigint()}.json`);
  const all = [...ANONLINK, command, "--server", cluster.url, "--output", file, ...args];
  await run(join(programs, "python"), all, { timeout: TIMEOUT_MS, cwd: folder });
  return JSON.parse(readFileSync(file, "utf8")) as Output;
}

for (const [way, options] of [
  ["by way of the object store", []],
  ["with the request", ["--to_entityservice"]],
] as const) {
  test.serial(`anonlink-client creates a project, uploads ${way}, runs it and reads results`, async (t) => {
    t.is((await anonlink<{ status: string }>("status", [])).status, "ok");
    const schema = join(folder, "schema.json");
    await run(join(programs, "python"), [...ANONLINK, "generate-default-schema", schema]); // 1,024 bits
    const project = await anonlink<NewProject>("create-project", [
      ...["--type", "groups", "--schema", schema, "--name", way],
    ]);
    const { project_id, result_token, update_tokens } = project;
    for (const [party, side] of ["a", "b"].entries()) {
      const about = ["--project", project_id, "--apikey", update_tokens[party]!];
      const receipt = await anonlink<{ receipt_token: string }>("upload", [
        ...about,
        ...options,
        join(data, `clks-${side}.json`),
      ]);
      t.regex(receipt.receipt_token, /^[0-9a-f]{48}$/);
    }
    const about = ["--project", project_id, "--apikey", result_token];
    const { run_id } = await anonlink<{ run_id: string }>("create", [...about, "--threshold", "0.9"]);
    const { groups } = await anonlink<{ groups: unknown[] }>("results", [
      ...about,
      "--run",
      run_id,
      "--watch",
    ]);
    t.is(groups.length, 718);
    const remove = [...ANONLINK, "delete-project", "--server", cluster.url, ...about];
    const { stderr, stdout } = await run(join(programs, "python"), remove, { timeout: TIMEOUT_MS });
    t.regex(stderr + stdout, /Project deleted/);
  });
}
