// Output that only a terminal gets: runs the command line in a pseudo-terminal, with `script` from util-linux.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { scratchFolder } from "../cli/run-cli.js";

const FOLDER = "test/data/febrl4-1k";

test("shows a progress bar on a terminal", async (t) => {
  const scratch = scratchFolder();
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const command = `"${process.execPath}" dist/cli/main.js match ${FOLDER}/clks-a.json ${FOLDER}/clks-b.json --threshold 0.9 --kernel reference --out ${join(scratch, "o")}`;
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: new URL("../..", import.meta.url) });
  let seen = "";
  child.stdout.on("data", (chunk) => (seen += chunk));
  t.is(await new Promise((resolve) => child.on("close", resolve)), 0);
  t.regex(seen, /comparing .* %/);
});
