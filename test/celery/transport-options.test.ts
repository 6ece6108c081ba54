// Clusters that keep their messages in lists other than Celery's defaults.
import test from "ava";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";

for (const line of PYTHON_LINES) {
  // kombu 5.1 has no global_keyprefix.
  const prefix = line === "oldest" ? "" : "cluster:";
  test.serial(`${line} Celery: supports custom priority steps, separator and prefix`, async (t) => {
    const fleet = await startFleet(t, line, {
      transportOptions: { priority_steps: [0, 2, 4, 6, 8], sep: ":", global_keyprefix: prefix },
      app: { prioritySteps: [0, 2, 4, 6, 8], separator: ":", keyPrefix: prefix },
    });
    const results = [];
    for (const priority of [9, 5, 0]) {
      const id = await fleet.python.run<string>(
        `return report.apply_async(queue="ts", priority=priority).id`,
        { priority },
      );
      results.push({ priority, id });
    }
    t.deepEqual((await fleet.store.keys(`${prefix}ts*`)).sort(), [
      `${prefix}ts`,
      `${prefix}ts:4`,
      `${prefix}ts:8`,
    ]);
    await fleet.typeScriptWorker();
    for (const { priority, id } of results) t.like((await fleet.ended(id)).result, { lang: "ts", priority });

    await fleet.pythonWorker();
    for (const priority of [9, 5, 0]) {
      const result = await fleet.app.send("tasks.report", [], {}, { queue: "py", priority });
      t.like(await result.get(120_000), { lang: "py", priority });
    }
    t.deepEqual(await fleet.python.run("return app.control.ping(destination=['ts@test'], timeout=120)"), [
      { "ts@test": { ok: "pong" } },
    ]);
    await fleet.nothingUnacknowledged();
    const others = (await fleet.store.keys("*")).filter((key) => !key.startsWith(prefix));
    t.true(
      others.every((key) => key.startsWith("celery-task-meta-")),
      others.join(),
    );
  });

  test.serial(`${line} Celery: warns about messages in lists that the worker does not serve`, async (t) => {
    const fleet = await startFleet(t, line, {
      transportOptions: { priority_steps: [0, 1, 2, 7], sep: "\x06\x16" },
    });
    for (const priority of [1, 7, 7]) {
      await fleet.python.run(`add.apply_async((1, 2), queue="ts", priority=priority)`, { priority });
    }
    const worker = await fleet.typeScriptWorker();
    await worker.whenPrinted(
      /a list that this worker does not serve.*"list":"ts\\u0006\\u00161","messages":1/,
    );
    await worker.whenPrinted(
      /a list that this worker does not serve.*"list":"ts\\u0006\\u00167","messages":2/,
    );
    t.is(worker.output.match(/does not serve/g)?.length, 2);

    const other = await startFleet(t, line, { app: { separator: ":" } });
    await other.python.run(`add.apply_async((1, 2), queue="ts", priority=9)`);
    const second = await other.typeScriptWorker();
    await second.whenPrinted(/does not serve.*"list":"ts\\u0006\\u00169","messages":1/);
  });
}
