// Valid and invalid requests that schemathesis generates from the OpenAPI document.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import { pythonEnvironment } from "../../../python-environment.js";
import type { NewProject } from "../../../service/client.js";
import { base64Rows, randomRows } from "../../../service/data.js";
import { ServeProcess } from "../../../service/serve-process.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const SEED = 20_240_607;
const MAX_EXAMPLES = 40;
const CHECKS = [
  ...["not_a_server_error", "status_code_conformance", "content_type_conformance"],
  ...["response_schema_conformance", "response_headers_conformance"],
];
const clks = base64Rows(randomRows(1, 5));

let programs: string;
let folder: string;
let serve: ServeProcess;
test.before(async () => {
  programs = pythonEnvironment(join(here, "requirements.txt"), "schemathesis");
  folder = mkdtempSync(join(tmpdir(), "schemathesis-"));
  serve = await ServeProcess.start(join(folder, "data"));
});
test.after.always(async () => {
  await serve?.kill();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Runs schemathesis; all answers must be documented, and the service must still work afterwards. */
async function fuzz(
  t: ExecutionContext,
  args: readonly string[],
  parameters: Readonly<Record<string, string>> = {},
): Promise<void> {
  const config = join(folder, "schemathesis.toml");
  writeFileSync(
    config,
    [
      "[parameters]",
      ...Object.entries(parameters).map(([name, value]) => `"${name}" = "${value}"`),
      "[checks]",
      "enabled = false",
      ...CHECKS.map((check) => `${check}.enabled = true`),
      "[[operations]]",
      'include-operation-id = "authorizeExternalUpload"',
      "checks.not_a_server_error.enabled = false", // 500 means that it is disabled
      "",
    ].join("\n"),
  );
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    // The script itself cannot be used, because finished environments are moved.
    const all = [
      "-m",
      "schemathesis.cli",
      "--config-file",
      config,
      "run",
      `${serve.url}/api/v1/openapi.json`,
    ];
    all.push("--url", `${serve.url}/api/v1`, "--seed", String(SEED));
    all.push("--max-examples", String(MAX_EXAMPLES), "--phases", "examples,coverage,fuzzing");
    all.push(
      "--suppress-health-check",
      "all",
      "--no-color",
      "--continue-on-failure",
      "--request-timeout",
      "30",
    );
    const options = { timeout: 540_000, cwd: folder, maxBuffer: 2 ** 26 };
    execFile(join(programs, "python"), [...all, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
    });
  });
  t.log(code === 0 ? output.match(/Test cases:\n.*/)?.[0] : output.slice(-12_000));
  t.is(code, 0);
  t.false(serve.hasEnded, serve.output);
  t.is((await (await uploaded()).complete()).groups.length, 5);
}

/** A project with both uploads. */
async function uploaded(): Promise<{ project: NewProject; complete(): Promise<{ groups: unknown[] }> }> {
  const project = await serve.client.createProject();
  for (const party of [0, 1]) await serve.client.upload(project, party, { clks });
  return { project, complete: () => serve.client.complete(project, 1) };
}

test.serial("requests with made-up ids and tokens get documented responses", async (t) => {
  await fuzz(t, []);
});

test.serial(
  "requests for an existing project and run with the result token get documented responses",
  async (t) => {
    const { project } = await uploaded();
    const { run_id } = await serve.client.run(project, 1);
    await serve.client.waitUntilComplete(project, run_id);
    const args = ["--header", `Authorization:${project.result_token}`, "--exclude-method", "DELETE"];
    await fuzz(t, args, { "path.project_id": project.project_id, "path.run_id": run_id });
    t.is((await serve.client.result<{ groups: unknown[] }>(project, run_id)).groups.length, 5);
  },
);

test.serial(
  "invalid uploads with a valid token get documented responses, and a valid one still works",
  async (t) => {
    const project = await serve.client.createProject();
    const args = ["--header", `Authorization:${project.update_tokens[0]}`, "--mode", "negative"];
    args.push("--include-operation-id", "uploadClks", "--include-operation-id", "uploadBinaryClks");
    await fuzz(t, args, { "path.project_id": project.project_id });
    const { status } = await serve.client.tryUpload(project, 0, { clks });
    t.true(status === 201 || status === 403); // a generated upload may have been valid
  },
);
