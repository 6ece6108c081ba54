import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { StartedProcess } from "../started-process.js";
import { CLI, root, runCli } from "./run-cli.js";

for (const [args, message] of [
  [["serve", "--port", "70000"], /--port.*0 to 65535/],
  [["serve", "--port", "http"], /--port.*0 to 65535/],
  [["api", "--log-level", "loud"], /--log-level/],
  [["serve", "extra"], /too many arguments/],
] as const) {
  test(`${args.join(" ")}: exits with code 2 and a one-sentence error`, async (t) => {
    const { code, stderr, stdout } = await runCli(args);
    t.is(code, 2);
    t.regex(stderr, message);
    t.is(stdout, "");
  });
}

test("serve names an invalid setting and exits", async (t) => {
  const { code, stderr } = await runCli(["serve", "--data", join(tmpdir(), "never-made")], "", {
    MAX_PARTIES: "1",
  });
  t.is(code, 2);
  t.regex(stderr, /^anonlink-wasm: MAX_PARTIES must be a whole number from 2/);
});

test("serve prints its URL, shuts down cleanly, and rejects a port in use", async (t) => {
  t.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), "anonlink-serve-"));
  const data = join(folder, "made", "by itself");
  const [program, ...first] = CLI;
  const serve = new StartedProcess("serve", program, [...first, "serve", "--port", "0", "--data", data], {
    cwd: fileURLToPath(root),
  });
  t.teardown(async () => {
    await serve.killGroup();
    rmSync(folder, { recursive: true, force: true });
  });
  const [, url] = await serve.whenPrinted(/ready at (http:\/\/127\.0\.0\.1:\d+)/);
  t.is((await fetch(`${url}/readyz`)).status, 200);
  serve.signal("SIGTERM");
  t.is(await serve.waitForEnd(), 0);

  const taken = createServer().listen(0, "127.0.0.1");
  t.teardown(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const { code, stderr } = await runCli(["serve", "--port", String(port), "--data", data]);
  t.is(code, 2);
  t.regex(stderr, /Port \d+ on 127\.0\.0\.1 is already in use; choose another with --port\.\n$/);
});
