import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { freePort } from "../servers/free-port.js";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: celery events --dump shows the events of a TypeScript worker and its tasks`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const dump = fleet.pythonCommand(["events", "--dump"]);
      await dump.whenPrinted(/evdump: starting/);
      const worker = await fleet.typeScriptWorker({ sendEvents: true });
      await dump.whenPrinted(/ts@test \[.*\] .*(started|online)/);
      const [succeeded, failed, retried] = await fleet.python.run<[string, string, string]>(`
      return [add.apply_async((1, 2), queue="ts").id,
              fail.apply_async(("bad",), queue="ts").id,
              retrying.apply_async((1, 0.1, "events"), queue="ts").id]
    `);
      for (const id of [succeeded, failed, retried]) await fleet.ended(id);
      const revoked = await fleet.python.run<string>(`
      id = add.apply_async((1, 2), queue="ts", countdown=60).id
      app.control.revoke(id)
      return id
    `);
      await fleet.ended(revoked);
      for (const [id, types] of [
        [succeeded, ["received", "started", "succeeded"]],
        [failed, ["received", "started", "failed"]],
        [retried, ["received", "started", "retried", "succeeded"]],
        [revoked, ["received", "revoked"]],
      ] as const) {
        for (const type of types)
          await dump.whenPrinted(new RegExp(`task ${type}: tasks\\.\\w+\\(${id}\\)`), 60_000);
      }
      worker.signal("SIGTERM");
      await dump.whenPrinted(/ts@test \[.*\] .*(shutdown|offline)/, 60_000);
      t.notRegex(dump.output, /Traceback/);
    },
  );

  test.serial(
    `${line} Celery: a Python worker interoperates with a TypeScript worker: mingle, gossip, heartbeats`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      const python = await fleet.pythonWorker({ sociable: true });
      await python.whenPrinted(/mingle: sync with 1 nodes/);
      await python.whenPrinted(/mingle: sync complete/);
      t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
      await pause(7000); // three heartbeats, and as long as gossip waits for one heartbeat
      t.notRegex(python.output, /missed heartbeat|drift|ERROR|WARNING\/|Traceback/);
      const known = await fleet.python.run<string[]>("return sorted(app.control.inspect(timeout=10).ping())");
      t.deepEqual(known, ["py@test", "ts@test"]);
    },
  );
}

test.serial("Flower shows a TypeScript worker and the states of its tasks", async (t) => {
  const fleet = await startFleet(t, "newest");
  const port = await freePort();
  const flower = fleet.pythonCommand(["flower", "--address=127.0.0.1", `--port=${port}`]);
  await fleet.typeScriptWorker({ sendEvents: true });
  const ask = async <Answer>(path: string, method = "GET"): Promise<Answer | undefined> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/${path}`, { method }).catch(() => undefined);
    return response?.ok ? ((await response.json()) as Answer) : undefined;
  };
  await until("Flower to know our worker", 120_000, async () => {
    const workers =
      await ask<Record<string, { registered?: string[]; active_queues?: { name: string }[] }>>(
        "workers?refresh=true",
      );
    const ours = workers?.["ts@test"];
    return ours?.registered?.includes("tasks.add") && ours.active_queues?.[0]?.name === "ts"
      ? true
      : undefined;
  });
  const [succeeded, failed] = await fleet.python.run<[string, string]>(`
    return [add.apply_async((1, 2), queue="ts").id, fail.apply_async(("bad",), queue="ts").id]
  `);
  type Task = Record<string, unknown>;
  const shown = async (id: string, state: string) =>
    until(`Flower to show ${state}`, 120_000, async () => {
      const task = await ask<Task>(`task/info/${id}`);
      return task?.["state"] === state ? task : undefined;
    });
  const first = await shown(succeeded, "SUCCESS");
  t.like(first, { name: "tasks.add", args: "(1, 2)", result: "3", worker: "ts@test" });
  for (const name of ["received", "started", "succeeded", "runtime"])
    t.is(typeof first[name], "number", name);
  t.like(await shown(failed, "FAILURE"), { exception: "ValueError('bad')", worker: "ts@test" });
  const online = await ask<Record<string, boolean>>("workers?status=true");
  t.deepEqual(online, { "ts@test": true });
  t.notRegex(flower.output, /Traceback/);
});
