import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";

test("an upload of 256 MiB of JSON with blocks adds less than 200 MiB of memory", async (t) => {
  const child = fileURLToPath(new URL("large-upload-child.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--import=tsx",
    "--max-old-space-size=150",
    child,
  ]);
  t.log(stdout.trim());
  const result = JSON.parse(stdout);
  t.true(result.rowCount > 1e6);
  t.is(result.state, "done");
  t.is(result.receivedCount, result.rowCount);
  t.is(result.rowBytes, result.rowCount * 128);
  t.is(result.memberships, result.rowCount * 3);
  t.true(result.blockCount > result.rowCount / 8);
  t.true(result.addedMiB < 200, `${result.addedMiB} MiB`);
});
