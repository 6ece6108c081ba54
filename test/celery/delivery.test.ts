import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import type { StartedProcess } from "../started-process.js";
import { type Circumstances, type Fleet, startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

/** Waits until a dead worker's messages are due to be restored, so that a worker that starts then finds them. */
async function untilVisible(fleet: Fleet): Promise<void> {
  const { unackedIndex } = fleet.app.broker.keys;
  await until("a message held for the visibility timeout", 120_000, async () => {
    const [, held] = await fleet.store.zrange(unackedIndex, 0, 0, "WITHSCORES");
    const [now] = await fleet.store.time();
    return Number(held) < Number(now) - fleet.options.visibilityTimeoutSeconds! ? true : undefined;
  });
}

for (const line of PYTHON_LINES) {
  test.serial(`${line} Celery: Python completes a task whose TypeScript worker was killed`, async (t) => {
    const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 3 });
    const worker = await fleet.typeScriptWorker({ queues: ["shared"] });
    const id = await fleet.python.run<string>(`return slow.apply_async(("killed", 1), queue="shared").id`);
    await fleet.notes("begun:killed", 1);
    worker.signal("SIGKILL");
    await untilVisible(fleet);
    await fleet.pythonWorker({ queues: ["shared"] });
    t.like((await fleet.ended(id)).result, { lang: "py", redelivered: true });
    t.deepEqual(
      (await fleet.notes("begun:killed", 2)).map(({ lang }) => lang),
      ["ts", "py"],
    );
    await fleet.nothingUnacknowledged();
  });

  test.serial(
    `${line} Celery: a TypeScript worker completes a late-acknowledged task of a killed Python worker`,
    async (t) => {
      const settings = { task_acks_late: true };
      const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 3, settings });
      const worker = await fleet.pythonWorker({ queues: ["shared"] });
      const result = await fleet.app.send("tasks.slow", ["killed", 1], {}, { queue: "shared" });
      await fleet.notes("begun:killed", 1);
      await worker.killGroup();
      // We leave Python's workers 100 seconds beyond the visibility timeout to restore it themselves.
      const { unackedIndex } = fleet.app.broker.keys;
      const [tag] = await fleet.store.zrange(unackedIndex, 0, 0);
      await fleet.store.zincrby(unackedIndex, -105, tag!);
      await fleet.typeScriptWorker({ queues: ["shared"] });
      t.like(await result.get(120_000), { lang: "ts", redelivered: true });
      await fleet.nothingUnacknowledged();
    },
  );

  test.serial(
    `${line} Celery: a running TypeScript worker completes a task held by a killed one`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const worker = await fleet.typeScriptWorker({ queues: ["shared"], hostname: "first@test" });
      const result = await fleet.app.send("tasks.slow", ["killed", 1], {}, { queue: "shared" });
      await fleet.notes("begun:killed", 1);
      worker.signal("SIGSTOP"); // so that it does not finish before the other worker has started
      await fleet.typeScriptWorker({ queues: ["shared"], hostname: "second@test" });
      worker.signal("SIGKILL");
      t.like(await result.get(120_000), { hostname: "second@test", redelivered: true });
    },
  );

  test.serial(
    `${line} Celery: each of 2,000 tasks completes despite repeated kills of TypeScript workers`,
    async (t) => {
      const count = 2000;
      const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 2 });
      const numbers = Array.from({ length: count }, (_, number) => number);
      const send = (number: number) =>
        fleet.app.send("tasks.mark", [number], {}, { queue: "shared", ignoreResult: true });
      while (numbers.length > 0) await Promise.all(numbers.splice(0, 500).map(send));
      await fleet.pythonWorker({ queues: ["shared"], concurrency: 2 });
      const marked = async () => fleet.store.scard("marked");
      const ours = async () => Number(await fleet.store.get("marks:ts"));
      const start = () =>
        fleet.typeScriptWorker({ queues: ["shared"], concurrency: 4, prefetchMultiplier: 4 });
      let kills = 0;
      let worker: StartedProcess;
      for (;;) {
        const before = await ours();
        worker = await start();
        if ((await marked()) >= count - 500) break; // this worker is not killed
        await until("some tasks of ours", 120_000, async () =>
          (await ours()) > before + 20 || (await marked()) === count ? true : undefined,
        );
        await pause(Math.random() * 50);
        worker.signal("SIGKILL");
        await worker.ended;
        kills++;
      }
      await until("all numbers marked", 120_000, async () => ((await marked()) === count ? true : undefined));
      await fleet.nothingUnacknowledged();
      t.true(
        kills > 0 && (await ours()) > 0 && Number(await fleet.store.get("marks:py")) > 0,
        `${kills} kills`,
      );
      t.is(await fleet.store.llen("shared"), 0);
      t.log(
        `killed ${kills} times; ${await ours()} tasks ran here, ${await fleet.store.get("marks:py")} in Python`,
      );
    },
  );

  test.serial(
    `${line} Celery: a TypeScript task longer than the visibility timeout runs once beside Python workers`,
    async (t) => {
      const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 1 });
      await fleet.typeScriptWorker({ queues: ["shared"] });
      const result = await fleet.app.send("tasks.slow", ["long", 15], {}, { queue: "shared" });
      await fleet.notes("begun:long", 1);
      await fleet.pythonWorker({ queues: ["shared"] });
      let isDone = false;
      const done = result.get(120_000).finally(() => {
        isDone = true;
      });
      let sweeps = 0;
      while (!isDone) {
        // Python's workers do this now and then; it is kombu's own code, with the visibility timeout of the app.
        await fleet.python.run("app.connection().channel().qos.restore_visible()");
        sweeps++;
        await pause(100);
      }
      t.like(await done, { lang: "ts", redelivered: false });
      t.true(sweeps >= 5, `${sweeps} sweeps`);
      await fleet.nothingUnacknowledged();
      t.is((await fleet.notes<Circumstances>("begun:long", 1)).length, 1);
    },
  );

  test.serial(
    `${line} Celery: tasks that outlast the visibility timeout run once each beside TypeScript workers`,
    async (t) => {
      const runs: Record<string, number> = {};
      for (const company of ["Python alone", "beside us"]) {
        const fleet = await startFleet(t, line, {
          visibilityTimeoutSeconds: 3,
          settings: { task_acks_late: true },
        });
        if (company === "beside us") {
          for (const name of ["first", "second"]) {
            await fleet.typeScriptWorker({ queues: ["shared"], hostname: `${name}@test` });
          }
        }
        await fleet.pythonWorker({ queues: ["shared"], concurrency: 8 });
        const results = [];
        for (let n = 0; n < 10; n++) {
          results.push(await fleet.app.send("tasks.slow", ["long", 15], {}, { queue: "shared" }));
        }
        for (const result of results) await result.get(120_000);
        runs[company] = await fleet.store.llen("begun:long");
      }
      t.log(runs);
      t.is(runs["beside us"], 10);
      t.true(runs["Python alone"]! >= 10);
    },
  );
}
