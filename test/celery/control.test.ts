import test from "ava";
import { type Fleet, startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonError } from "./python-celery.js";
import { until } from "./until.js";

type Replies<Reply> = Record<"py@test" | "ts@test", Reply>;
type Listed = Record<string, unknown> & { id: string; name: string; delivery_info: Record<string, unknown> };

const inspect = <Reply>(fleet: Fleet, method: string) =>
  fleet.python.run<Replies<Reply>>(
    `return getattr(app.control.inspect(destination=["py@test", "ts@test"], timeout=120), method)()`,
    { method },
  );

/** Names of the members of Python's answer that ours lacks, or whose type differs. */
function missing(theirs: Record<string, unknown>, ours: Record<string, unknown>): string[] {
  const kind = (value: unknown) => (Array.isArray(value) ? "list" : value === null ? "null" : typeof value);
  return Object.keys(theirs).filter((name) => {
    const [a, b] = [kind(theirs[name]), kind(ours[name])];
    return !Object.hasOwn(ours, name) || (a !== b && a !== "null" && b !== "null");
  });
}

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: inspect returns the same fields for TypeScript workers as for Python workers`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.pythonWorker();
      await fleet.typeScriptWorker();
      const later = await fleet.python.run<Record<"py" | "ts", string>>(`
      return {queue: add.apply_async((1, 2), queue=queue, countdown=600).id for queue in ("py", "ts")}
    `);
      const scheduled = await until("both waiting for their time", 120_000, async () => {
        const replies = await inspect<{ eta: string; priority: number; request: Listed }[]>(
          fleet,
          "scheduled",
        );
        return Object.values(replies).every((list) => list.length === 1) ? replies : undefined;
      });
      for (const queue of ["py", "ts"] as const)
        t.is(scheduled[`${queue}@test`][0]!.request.id, later[queue]);
      t.deepEqual(missing(scheduled["py@test"][0]!, scheduled["ts@test"][0]!), []);
      t.deepEqual(missing(scheduled["py@test"][0]!.request, scheduled["ts@test"][0]!.request), []);

      const running = await fleet.python.run<Record<"py" | "ts", string>>(`
      return {queue: sleep.apply_async((60, "text"), queue=queue).id for queue in ("py", "ts")}
    `);
      t.deepEqual(await inspect(fleet, "ping"), { "py@test": { ok: "pong" }, "ts@test": { ok: "pong" } });
      const all = await fleet.python.run<Record<string, unknown>[]>("return app.control.ping(timeout=10)");
      t.deepEqual(all.flatMap((reply) => Object.keys(reply)).sort(), ["py@test", "ts@test"]);

      const active = await until("both at work", 120_000, async () => {
        const replies = await inspect<Listed[]>(fleet, "active");
        return Object.values(replies).every((list) => list.length === 1) ? replies : undefined;
      });
      for (const queue of ["py", "ts"] as const) t.is(active[`${queue}@test`][0]!.id, running[queue]);
      const [theirs, ours] = [active["py@test"][0]!, active["ts@test"][0]!];
      t.deepEqual(missing(theirs, ours), []);
      t.like(ours, {
        name: "tasks.sleep",
        type: theirs["type"],
        args: [60, "text"],
        kwargs: {},
        hostname: "ts@test",
      });
      t.deepEqual(missing(theirs.delivery_info, ours.delivery_info), []);
      t.is(ours.delivery_info["routing_key"], "ts");

      const stats = await inspect<Record<string, unknown>>(fleet, "stats");
      t.deepEqual(missing(stats["py@test"], stats["ts@test"]), []);
      t.is((stats["ts@test"]["pool"] as Record<string, unknown>)["max-concurrency"], 1);
      const registered = await inspect<string[]>(fleet, "registered");
      for (const names of Object.values(registered)) t.true(names.includes("tasks.add"));
      const queues = await inspect<Record<string, unknown>[]>(fleet, "active_queues");
      for (const queue of ["py", "ts"] as const) {
        const listed = queues[`${queue}@test`].map(({ name, routing_key }) => [name, routing_key]);
        t.deepEqual(listed, [[queue, queue]]);
      }
      t.deepEqual(missing(queues["py@test"][0]!, queues["ts@test"][0]!), []);
      for (const method of ["reserved", "revoked"]) {
        for (const list of Object.values(await inspect<unknown[]>(fleet, method)))
          t.true(Array.isArray(list), method);
      }
      const clock = await inspect<{ clock: number }>(fleet, "clock");
      t.is(typeof clock["ts@test"].clock, "number");
      const found = await fleet.python.run<Replies<Record<string, [string, Listed]>>>(
        `return app.control.inspect(destination=["ts@test"], timeout=120).query_task(*ids)`,
        { ids: [running.ts] },
      );
      t.is(found["ts@test"][running.ts]![0], "active");
    },
  );

  test.serial(`${line} Celery: the celery command line finds TypeScript workers`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    for (const [command, answer] of [
      ["ping", /pong/],
      ["registered", /tasks\.add/],
      ["active_queues", /ts/],
    ] as const) {
      const run = fleet.pythonCommand(["inspect", "--timeout", "3", "--destination", "ts@test", command]);
      t.is(await run.waitForEnd(), 0, run.output);
      t.regex(run.output, /ts@test: OK/);
      t.regex(run.output, answer);
    }
    const status = fleet.pythonCommand(["status", "--timeout", "2"]);
    t.is(await status.waitForEnd(), 0, status.output);
    t.regex(status.output, /1 node online/);
  });

  test.serial(
    `${line} Celery: an unknown command gets an error, and a pattern selects workers`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      const replies = await fleet.python.run<{ "ts@test": { error: string } }[]>(
        `return app.control.broadcast("no_such_command", reply=True, destination=["ts@test"], timeout=3)`,
      );
      t.regex(replies[0]!["ts@test"].error, /no_such_command/);
      const ping = (pattern: string) =>
        fleet.python.run(
          `return app.control.broadcast("ping", reply=True, pattern=pattern, matcher="glob", timeout=3)`,
          { pattern },
        );
      t.deepEqual(await ping("t?@*"), [{ "ts@test": { ok: "pong" } }]);
      t.deepEqual(await ping("other@*"), []);
    },
  );

  test.serial(`${line} Celery: revoke --terminate ends a running TypeScript task`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker({ trackStarted: true });
    const { taskId: id } = await fleet.app.send("ts.block", [60], {}, { queue: "ts" });
    await until(
      "the state STARTED",
      20_000,
      async () => (await fleet.stored(id))?.status === "STARTED" || undefined,
    );
    await fleet.python.run(`app.control.revoke(id, terminate=True, signal="SIGTERM")`, { id });
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run("return AsyncResult(id).get(timeout=120)", { id }),
    );
    t.deepEqual([error!.type, error!.args], ["TaskRevokedError", ["terminated"]]);
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
    await fleet.nothingUnacknowledged();
  });

  test.serial(`${line} Celery: a revoked task waiting for a free slot does not run`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker({ prefetchMultiplier: 4 });
    const id = await fleet.python.run<string>(`
      sleep.apply_async((2,), queue="ts")
      return slow.apply_async(("revoked", 0), queue="ts").id
    `);
    await until("both held", 120_000, async () => (await fleet.store.hlen("unacked")) === 2 || undefined);
    await fleet.python.run("app.control.revoke(id)", { id });
    t.is((await fleet.ended(id)).status, "REVOKED");
    await fleet.nothingUnacknowledged();
    t.deepEqual(await fleet.notes("begun:revoked", 0), []);
  });

  test.serial(
    `${line} Celery: shutdown stops only the addressed worker, after its current task`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.pythonWorker();
      const worker = await fleet.typeScriptWorker();
      const id = await fleet.python.run<string>(`return slow.apply_async(("last", 1), queue="ts").id`);
      await fleet.notes("begun:last", 1);
      await fleet.python.run(`app.control.shutdown(destination=["ts@test"])`);
      t.is(await worker.waitForEnd(), 0);
      t.is((await fleet.stored(id))!.status, "SUCCESS");
      t.deepEqual(await fleet.python.run("return app.control.ping(timeout=10)"), [
        { "py@test": { ok: "pong" } },
      ]);
    },
  );

  test.serial(`${line} Celery: rate_limit throttles TypeScript tasks`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker({ concurrency: 4 });
    const limit = (name: string) =>
      fleet.python.run<{ "ts@test": Record<string, string> }[]>(
        `return app.control.rate_limit(name, "4/s", destination=["ts@test"], reply=True, timeout=3)`,
        { name },
      );
    t.truthy((await limit("ts.rated"))[0]!["ts@test"]["ok"]);
    t.truthy((await limit("no.such.task"))[0]!["ts@test"]["error"]);
    for (let n = 0; n < 6; n++) await fleet.app.send("ts.rated", ["key"], {}, { queue: "ts" });
    const starts = await fleet.notes<number>("rated:key", 6);
    t.true(starts.at(-1)! - starts[0]! >= 1000, starts.join());
    t.is(await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts" }).then((each) => each.get(120_000)), 3);
  });

  test.serial(`${line} Celery: add_consumer, cancel_consumer and pool_grow take effect`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const send = (call: string) =>
      fleet.python.run<{ "ts@test": Record<string, string> }[]>(
        `return app.control.${call}, destination=["ts@test"], reply=True, timeout=3)`,
      );
    t.truthy((await send(`add_consumer("extra"`))[0]!["ts@test"]["ok"]);
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="extra").get(timeout=120)`), 3);
    t.truthy((await send(`cancel_consumer("extra"`))[0]!["ts@test"]["ok"]);
    const names = await fleet.python.run(
      `return [queue["name"] for queue in app.control.inspect(["ts@test"]).active_queues()["ts@test"]]`,
    );
    t.deepEqual(names, ["ts"]);
    t.truthy((await send("pool_grow(1"))[0]!["ts@test"]["ok"]);
    const ids = await fleet.python.run<string[]>(`
      return [slow.apply_async(("grown", 1.5), queue="ts").id for _ in range(2)]
    `);
    await fleet.notes("begun:grown", 2);
    t.deepEqual(await fleet.notes("done:grown", 0), [], "both run at once");
    for (const id of ids) await fleet.ended(id);
  });
}
