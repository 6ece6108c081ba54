// The first linkage of docs/deployment.md, run as its reader would, with a service that stops with the test.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { startEmbedded } from "../service/embedded.js";
import { markedBlock } from "./documents.js";

const run = promisify(execFile);

test("the first linkage gives the documented result", async (t) => {
  const service = await startEmbedded();
  t.teardown(() => service.close());
  const folder = mkdtempSync(join(tmpdir(), "reader-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "test"));
  symlinkSync(fileURLToPath(new URL("../data", import.meta.url)), join(folder, "test/data"));

  const commands = markedBlock("docs/deployment.md", "first-linkage");
  const address = "http://127.0.0.1:8851/api/v1";
  t.true(commands.startsWith(`api=${address}\n`));
  const own = commands.replace(address, `${service.url}/api/v1`);
  const { stdout } = await run("bash", ["-euo", "pipefail", "-c", own], { cwd: folder });
  const [, expected] = /\| length' +# (\d+)/.exec(commands)!;
  t.is(stdout, `${expected}\n`);
  const projects = await fetch(`${service.url}/api/v1/projects`);
  t.deepEqual(await projects.json(), [], "it is deleted");
});
