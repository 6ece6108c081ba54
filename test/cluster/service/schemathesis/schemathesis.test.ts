// Requests that schemathesis makes up from the OpenAPI document, right ones and wrong ones.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { pythonEnvironment } from "../../../python-environment.js";
import { base64Rows, randomRows } from "../../../service/data.js";
import { ServeProcess } from "../../../service/serve-process.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const SEED = 20_240_607;
const MAX_EXAMPLES = 40;
const CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance"];

test("made-up requests get no undocumented answer, and end no service", async (t) => {
  const programs = pythonEnvironment(join(here, "requirements.txt"), "schemathesis");
  const dataFolder = mkdtempSync(join(tmpdir(), "schemathesis-"));
  const serve = await ServeProcess.start(dataFolder);
  try {
    const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
      // Not by its program, since environments are moved when they are complete.
      const args = [
        "-m",
        "schemathesis.cli",
        "run",
        `${serve.url}/api/v1/openapi.json`,
        "--url",
        `${serve.url}/api/v1`,
      ];
      args.push("--checks", CHECKS.join(","), "--seed", String(SEED), "--max-examples", String(MAX_EXAMPLES));
      args.push("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all", "--no-color");
      args.push("--continue-on-failure", "--request-timeout", "30");
      const options = { timeout: 540_000, cwd: dataFolder, maxBuffer: 2 ** 26 };
      execFile(join(programs, "python"), args, options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? -1), output: stdout + stderr });
      });
    });
    t.log(output.slice(-12_000));
    t.false(serve.hasEnded, serve.output);
    t.is(code, 0);
    // It still does its work.
    const project = await serve.client.createProject();
    for (const party of [0, 1]) {
      await serve.client.upload(project, party, { clks: base64Rows(randomRows(1, 5)) });
    }
    const { groups } = await serve.client.complete<{ groups: unknown[] }>(project, 1);
    t.is(groups.length, 5);
  } finally {
    await serve.kill();
    rmSync(dataFolder, { recursive: true, force: true });
  }
});
