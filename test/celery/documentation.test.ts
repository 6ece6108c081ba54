// The example in docs/celery.md, executed as a reader would.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import test from "ava";
import { startRedis } from "../servers/redis.js";

const run = promisify(execFile);
const root = new URL("../..", import.meta.url);

test("the example of docs/celery.md prints the documented output", async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.remove());
  const text = readFileSync(new URL("docs/celery.md", root), "utf8");
  const block = (mark: string) =>
    text
      .split(`<!-- ${mark} -->`)[1]!
      .split("```")[1]!
      .replace(/^\w+\n/, "");
  const program = ["--input-type=module", "--eval", block("celery:example")];
  const options = { cwd: root, timeout: 600_000, env: { ...process.env, BROKER: redis.url } };
  const { stdout, stderr } = await run(process.execPath, program, options);
  t.is(stdout, block("celery:output"));
  t.is(stderr, "");
});
