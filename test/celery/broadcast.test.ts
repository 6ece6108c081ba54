import test from "ava";
import { broadcast, CeleryApp } from "../../src/celery/index.js";
import { freePort } from "../servers/free-port.js";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

/** Long enough for a slow machine; a broadcast returns earlier once all workers have replied. */
const TIMEOUT_MS = 20_000;

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: a broadcast collects the replies of Python and TypeScript workers`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.pythonWorker({ queues: ["py"] });
      await fleet.typeScriptWorker({ queues: ["ts"] });
      const ask = (method: string, args = {}, options = {}) =>
        broadcast(fleet.app, method, args, { timeoutMs: TIMEOUT_MS, ...options });

      const start = Date.now();
      t.deepEqual(Object.fromEntries(await ask("ping")), {
        "py@test": { ok: "pong" },
        "ts@test": { ok: "pong" },
      });
      t.true(Date.now() - start < TIMEOUT_MS, "returns once all have replied");

      const ids = await fleet.python.run<Record<"py" | "ts", string>>(`
      return {queue: sleep.apply_async((60, "é😀"), queue=queue).id for queue in ("py", "ts")}
    `);
      type Tasks = { id: string; args: unknown[] }[];
      const active = await until("both at work", 120_000, async () => {
        const replies = (await ask("active")) as Map<string, Tasks>;
        return replies.size === 2 && [...replies.values()].every(({ length }) => length === 1)
          ? replies
          : undefined;
      });
      for (const name of ["py", "ts"] as const) {
        const [task] = active.get(`${name}@test`)!;
        t.deepEqual([task!.id, task!.args], [ids[name], [60, "é😀"]]);
      }
      const one = await ask("registered", {}, { destination: ["py@test"] });
      t.deepEqual([...one.keys()], ["py@test"]);
      const unknown = (await ask("no_such_command")) as Map<string, { error: string }>;
      t.is(unknown.size, 2);
      for (const { error } of unknown.values()) t.regex(error, /no_such_command/);

      const absent = await ask("ping", {}, { destination: ["absent@test"], timeoutMs: 1000 });
      t.is(absent.size, 0);
      await until("no reply queue left", 120_000, async () => {
        const left = await fleet.store.keys("*reply.celery.pidbox*");
        return left.length === 0 || undefined;
      });
    },
  );
}

test.serial("a broadcast that no worker receives returns at once", async (t) => {
  const fleet = await startFleet(t, "newest");
  const start = Date.now();
  t.is((await broadcast(fleet.app, "ping", {}, { timeoutMs: 60_000 })).size, 0);
  t.true(Date.now() - start < 30_000);
});

test.serial("a broadcast fails if the broker is unreachable", async (t) => {
  const app = new CeleryApp({ broker: `redis://127.0.0.1:${await freePort()}/0` });
  t.teardown(() => app.disconnect());
  await t.throwsAsync(broadcast(app, "ping", {}, { timeoutMs: 300 }), {
    message: "The broker did not accept the command ping within 300 ms.",
  });
});
