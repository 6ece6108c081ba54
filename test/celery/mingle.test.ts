// Revoked ids and the cluster's logical time, which workers share with those that start.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { broadcast } from "../../src/celery/index.js";
import { type Fleet, startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

const CLUSTER_TIME = 200_000;

async function ask<Reply>(fleet: Fleet, node: string, method: string): Promise<Reply> {
  return until(`a reply of ${node} to ${method}`, 120_000, async () => {
    const replies = await broadcast(fleet.app, method, {}, { destination: [node], timeoutMs: 10_000 });
    return replies.get(node) as Reply | undefined;
  });
}

/** Revokes tasks at a logical time that is far ahead, and waits until the node knows. */
async function revoke(fleet: Fleet, node: string, ids: readonly string[]): Promise<void> {
  await fleet.python.run(`app.control.mailbox.clock.value = ${CLUSTER_TIME}; app.control.revoke(ids)`, {
    ids,
  });
  await until("the ids revoked", 120_000, async () => {
    const revoked = await ask<string[]>(fleet, node, "revoked");
    return ids.every((id) => revoked.includes(id)) || undefined;
  });
}

for (const line of PYTHON_LINES) {
  for (const python of [true, false]) {
    const name = python ? "Python" : "TypeScript";
    test.serial(
      `${line} Celery: a starting TypeScript worker syncs revoked ids and the clock from ${name}`,
      async (t) => {
        const fleet = await startFleet(t, line);
        if (python) await fleet.pythonWorker();
        else await fleet.typeScriptWorker({ queues: ["other"], hostname: "other@test" });
        await revoke(fleet, python ? "py@test" : "other@test", ["revoked-1", "revoked-é😀"]);
        await fleet.typeScriptWorker();
        t.deepEqual((await ask<string[]>(fleet, "ts@test", "revoked")).sort(), ["revoked-1", "revoked-é😀"]);
        t.true((await ask<{ clock: number }>(fleet, "ts@test", "clock")).clock > CLUSTER_TIME);
        for (const taskId of ["revoked-1", "revoked-é😀"]) {
          await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts", taskId });
          t.is((await fleet.ended(taskId)).status, "REVOKED");
        }
      },
    );
  }

  test.serial(
    `${line} Celery: revoked ids and the clock sync between a TypeScript and a starting Python worker`,
    async (t) => {
      const folder = mkdtempSync(join(tmpdir(), "statedb-"));
      t.teardown(() => rmSync(folder, { recursive: true }));
      const fleet = await startFleet(t, line);
      const args = ["--statedb", join(folder, "state")];
      const earlier = await fleet.pythonWorker({ args });
      await revoke(fleet, "py@test", ["theirs"]);
      earlier.signal("SIGTERM");
      await earlier.waitForEnd();

      await fleet.typeScriptWorker();
      await revoke(fleet, "ts@test", ["ours"]);
      const worker = await fleet.pythonWorker({ sociable: true, args });
      t.regex(worker.output, /mingle: sync complete/);
      t.notRegex(worker.output, /mingle: sync with .* failed/);
      t.deepEqual((await ask<string[]>(fleet, "py@test", "revoked")).sort(), ["ours", "theirs"]);
      t.true((await ask<{ clock: number }>(fleet, "py@test", "clock")).clock > CLUSTER_TIME);
      t.deepEqual((await ask<string[]>(fleet, "ts@test", "revoked")).sort(), ["ours", "theirs"]);
    },
  );
}

test.serial("a worker that was killed restores its revoked ids from its state file", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const fleet = await startFleet(t, "newest");
  const options = { stateFile: join(folder, "state.json") };
  const worker = await fleet.typeScriptWorker(options);
  await revoke(fleet, "ts@test", ["an id"]);
  await until(
    "the state written",
    30_000,
    async () => readFileSync(options.stateFile, "utf8").includes('"an id"') || undefined,
  );
  worker.signal("SIGKILL");
  await worker.ended;
  await fleet.typeScriptWorker(options);
  t.true((await ask<{ clock: number }>(fleet, "ts@test", "clock")).clock > CLUSTER_TIME);
  await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts", taskId: "an id" });
  t.is((await fleet.ended("an id")).status, "REVOKED");
});

test.serial("without remote control, a worker ignores commands but still sends heartbeats", async (t) => {
  const fleet = await startFleet(t, "newest");
  await fleet.pythonWorker();
  await revoke(fleet, "py@test", ["revoked"]);
  const events: string[] = [];
  const listener = fleet.store.duplicate();
  t.teardown(() => listener.disconnect());
  listener.on("pmessage", (_, channel: string) => events.push(channel));
  await listener.psubscribe("/0.celeryev/*");
  const worker = await fleet.typeScriptWorker({ enableRemoteControl: false });
  const replies = await broadcast(fleet.app, "ping", {}, { timeoutMs: 120_000 });
  t.deepEqual([...replies.keys()], ["py@test"]);
  t.deepEqual(
    (await fleet.store.smembers("_kombu.binding.celery.pidbox")).filter((each) => each.includes("ts@test")),
    [],
  );
  await fleet.python.run(`app.control.shutdown(destination=["ts@test"])`);
  await fleet.app.send("tasks.slow", ["revoked", 0], {}, { queue: "ts", taskId: "revoked" });
  await fleet.notes("done:revoked", 1);
  await until(
    "two heartbeats",
    30_000,
    () => events.filter((each) => each.endsWith("worker.heartbeat")).length >= 2 || undefined,
  );
  t.false(worker.hasEnded);
});
