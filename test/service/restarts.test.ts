// A round of test/faults, and orderly restarts.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runServiceRound } from "../faults/service-round.js";
import { base64Rows, randomRows } from "./data.js";
import { ServeProcess } from "./serve-process.js";

test.serial("uploads and runs survive kills", async (t) => {
  t.timeout(240_000);
  const outcome = await runServiceRound(1);
  t.log(JSON.stringify(outcome));
  t.is(outcome.error, undefined);
});

test.serial("SIGTERM shuts the service down cleanly, and a restart keeps its data", async (t) => {
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-"));
  const serve = await ServeProcess.start(dataFolder);
  try {
    const { client } = serve;
    const clks = base64Rows(randomRows(1, 10));
    const project = await client.createProject({ name: "kept" });
    await client.upload(project, 0, { clks });
    const { run_id } = await client.run(project, 1);
    t.is(await serve.stop(), 0);
    await serve.start();
    t.like(await client.describe(project), { name: "kept", parties_contributed: 1 });
    await client.upload(project, 1, { clks });
    await client.waitUntilComplete(project, run_id);
    const before = await client.result(project, run_id);
    t.is(await serve.stop(), 0);
    await serve.start();
    t.deepEqual(await client.result(project, run_id), before);
  } finally {
    await serve.kill();
    rmSync(dataFolder, { recursive: true, force: true });
  }
});

test.serial(
  "a second service on the same data folder fails with a clear error; the first is unaffected",
  async (t) => {
    const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-"));
    const serve = await ServeProcess.start(dataFolder);
    try {
      const error = await t.throwsAsync(() => ServeProcess.start(dataFolder));
      t.regex(error.message, /does not start: .*(lock|use)/is);
      t.notRegex(error.message, /\n\s+at /, "no stack trace");
      t.is((await serve.client.get("/projects")).status, 200);
    } finally {
      await serve.kill();
      rmSync(dataFolder, { recursive: true, force: true });
    }
  },
);
