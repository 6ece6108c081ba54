// The service's tarball, installed with its dependencies in a scratch project.
import { execFile } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { scratchFolder } from "../cli/run-cli.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

test("the installed command links febrl4-1k", async (t) => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const scratch = scratchFolder();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  await run("npm", ["pack", ".", "--pack-destination", scratch, "--ignore-scripts"], { cwd: root });
  writeFileSync(join(scratch, "package.json"), '{ "name": "scratch", "private": true }');
  const tarball = join(scratch, `anonlink-wasm-service-${version}.tgz`);
  await run("npm", ["install", "--no-audit", "--no-fund", "--omit=dev", "--ignore-scripts", tarball], {
    cwd: scratch,
  });
  const command = join(scratch, "node_modules/.bin/anonlink-wasm");
  t.is((await run(command, ["--version"])).stdout, `${version}\n`);
  const files = ["a", "b"].map((side) => join(root, `test/data/febrl4-1k/clks-${side}.json`));
  const args = ["match", ...files, "--threshold", "0.8", "--result", "scores"];
  const { stdout } = await run(command, args, { maxBuffer: 2 ** 24 });
  const scores = JSON.parse(stdout).similarity_scores;
  t.is(scores.length, 946);
  const [[left, right, best]] = scores;
  t.deepEqual([left[0], right[0], best], [0, 1, 1], "party and row of each side, and the score");
});
