import test from "ava";
import type { Redis } from "ioredis";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonError } from "./python-celery.js";

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: a Python client gets the result and completion time of a TypeScript task`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      await fleet.python.run("app.connection().ensure_connection()");
      const sent = Date.now();
      const [value, id, done] = await fleet.python.run<[number, string, number]>(`
      result = add.apply_async((1, 2), queue="ts")
      value = result.get(timeout=120)
      return [value, result.id, result.date_done.timestamp()]
    `);
      t.is(value, 3);
      t.true(done * 1000 >= sent && done * 1000 <= Date.now(), `${sent} ≤ ${done * 1000} ≤ ${Date.now()}`);
      const { date_done } = (await fleet.stored(id))!;
      t.is(Math.round(done * 1000), Date.parse(date_done!));
    },
  );

  test.serial(
    `${line} Celery: a TypeScript client gets the result of a Python task without polling`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.pythonWorker();
      const monitor = (await fleet.store.monitor()) as Redis;
      t.teardown(() => monitor.disconnect());
      const taskId = "heard-once";
      const key = fleet.app.backend.resultKey(taskId);
      const commands: string[] = [];
      monitor.on("monitor", (_time: string, [command, first]: string[]) => {
        if (first === key) commands.push(command!.toLowerCase());
      });
      const result = await fleet.app.send("tasks.sleep", [1, 3], {}, { queue: "py", taskId });
      t.is(await result.get(120_000), 3);
      t.true(commands.includes("subscribe"), commands.join(" "));
      // Python reads once before it stores; we read after connecting and after subscribing.
      t.true(commands.filter((command) => command === "get").length <= 3, commands.join(" "));
      t.is(
        await fleet.app.send("tasks.add", [1], { y: 2 }, { queue: "py" }).then((each) => each.get(120_000)),
        3,
      );
    },
  );

  test.serial(`${line} Celery: an error thrown by a TypeScript task is raised in Python`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const raised = async (name: string) =>
      t.throwsAsync<PythonError>(
        fleet.python.run(`return signature(name, ("bad",)).apply_async(queue="ts").get(timeout=120)`, {
          name,
        }),
      );
    const { type, module, args } = (await raised("ts.type_error"))!;
    t.deepEqual([module, type, args], ["builtins", "TypeError", ["bad"]]);
    const other = (await raised("tasks.fail"))!;
    t.deepEqual([other.module, other.type, other.args], ["builtins", "ValueError", ["bad"]]);
  });

  test.serial(`${line} Celery: an exception raised by a Python task is thrown in TypeScript`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.pythonWorker();
    const result = await fleet.app.send("tasks.fail", ["bad"], {}, { queue: "py" });
    const failure = await t.throwsAsync(result.get(120_000));
    t.like(failure, { type: "ValueError", args: ["bad"], module: "builtins" });
    t.is(await result.state(), "FAILURE");
  });

  test.serial(`${line} Celery: an unknown task fails as NotRegistered, and the next one runs`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run(`return app.send_task("no.such.task", queue="ts").get(timeout=120)`),
    );
    t.is(error!.type, "NotRegistered");
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
    await fleet.nothingUnacknowledged();
  });

  test.serial(`${line} Celery: sets unreadable messages aside and runs the next task`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.store.lpush("ts", "not JSON", `{"body": 1}`);
    await fleet.typeScriptWorker();
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run(`return add.apply_async((1, 2), queue="ts", serializer="pickle").get(timeout=120)`),
    );
    t.is(error!.type, "ContentDisallowed");
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
  });

  test.serial(`${line} Celery: priorities match between Python and TypeScript`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.python.run(`
      for priority in (9, 3, 0):
          slow.apply_async(("order", 0), queue="ts", priority=priority)
    `);
    await fleet.typeScriptWorker();
    const begun = await fleet.notes("begun:order", 3);
    t.deepEqual(
      begun.map(({ priority }) => priority),
      [0, 3, 9],
    );
    await fleet.pythonWorker();
    const result = await fleet.app.send("tasks.report", [], {}, { queue: "py", priority: 5 });
    t.like(await result.get(120_000), { lang: "py", priority: 5 });
  });
}
