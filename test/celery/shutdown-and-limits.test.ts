import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonError } from "./python-celery.js";
import { until } from "./until.js";

for (const line of PYTHON_LINES) {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test.serial(
      `${line} Celery: on ${signal}, a TypeScript worker finishes its task, and Python runs the rest`,
      async (t) => {
        const fleet = await startFleet(t, line);
        const worker = await fleet.typeScriptWorker({
          queues: ["shared"],
          concurrency: 1,
          prefetchMultiplier: 4,
        });
        const [active, ...rest] = await fleet.python.run<string[]>(`
        later = slow.apply_async(("rest", 0), queue="shared", countdown=4)
        first = slow.apply_async(("first", 1.5), queue="shared")
        rest = [slow.apply_async(("rest", 0), queue="shared") for _ in range(3)]
        return [each.id for each in (first, later, *rest)]
      `);
        await fleet.notes("begun:first", 1);
        await until("all held", 120_000, async () => (await fleet.store.hlen("unacked")) === 5 || undefined);
        worker.signal(signal);
        t.is(await worker.waitForEnd(), 0);
        t.like((await fleet.stored(active!))?.result, { lang: "ts" });
        t.is(await fleet.store.hlen("unacked"), 0);
        t.is(await fleet.store.llen("shared"), 4);
        await fleet.pythonWorker({ queues: ["shared"] });
        for (const id of rest) t.like((await fleet.ended(id)).result, { lang: "py" });
        t.is((await fleet.notes("begun:rest", 4)).length, 4);
        await fleet.nothingUnacknowledged();
      },
    );
  }

  test.serial(`${line} Celery: a second signal aborts the running task and requeues it`, async (t) => {
    const fleet = await startFleet(t, line);
    const worker = await fleet.typeScriptWorker({ queues: ["shared"] });
    const id = await fleet.python.run<string>(`return slow.apply_async(("cold", 60), queue="shared").id`);
    await fleet.notes("begun:cold", 1);
    worker.signal("SIGTERM");
    await pause(200); // two signals at once would count as one
    worker.signal("SIGTERM");
    t.is(await worker.waitForEnd(), 0);
    t.is(await fleet.stored(id), undefined);
    const [message] = await fleet.store.lrange("shared", 0, -1);
    t.is(JSON.parse(message!).headers.id, id);
    t.true(JSON.parse(message!).headers.redelivered);
  });

  test.serial(
    `${line} Celery: a hard time limit from the message or the worker ends a task, and the next one runs`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const worker = await fleet.typeScriptWorker({ timeLimitSeconds: 1 });
      const send = (options: string) =>
        fleet.python.run(
          `return signature("ts.block", (60,)).apply_async(queue="ts", ${options}).get(timeout=120)`,
        );
      const byMessage = await t.throwsAsync<PythonError>(send("time_limit=0.5"));
      t.deepEqual([byMessage!.type, byMessage!.args], ["TimeLimitExceeded", [0.5]]);
      t.regex(byMessage!.module, /^billiard\./);
      const byWorker = await t.throwsAsync<PythonError>(send(""));
      t.deepEqual([byWorker!.type, byWorker!.args], ["TimeLimitExceeded", [1]]);
      t.is(
        await fleet.python.run(`return signature("ts.block", (0,)).apply_async(queue="ts").get(timeout=120)`),
        0,
      );
      t.true(
        await fleet.python.run(
          `return signature("ts.slow_to_load").apply_async(queue="ts").get(timeout=120)`,
        ),
        "the time to load the task's module does not count",
      );
      await fleet.nothingUnacknowledged();
      t.false(worker.hasEnded);
    },
  );

  test.serial(
    `${line} Celery: a soft time limit stops a task in the worker's process or a child process`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      const error = await t.throwsAsync<PythonError>(
        fleet.python.run(
          `return signature("ts.heed", (60,)).apply_async(queue="ts", soft_time_limit=0.5).get(timeout=120)`,
        ),
      );
      t.deepEqual([error!.type, error!.args], ["SoftTimeLimitExceeded", []]);
      const inProcess = await t.throwsAsync<PythonError>(
        fleet.python.run(
          `return signature("ts.heed_here", (60,)).apply_async(queue="ts", soft_time_limit=0.5).get(timeout=120)`,
        ),
      );
      t.is(inProcess!.type, "SoftTimeLimitExceeded");
    },
  );

  test.serial(`${line} Celery: a new child process starts after max_tasks_per_child tasks`, async (t) => {
    const fleet = await startFleet(t, line);
    const worker = await fleet.typeScriptWorker({ maxTasksPerChild: 2 });
    const pids = await fleet.python.run<number[]>(`
      return [signature("ts.pid").apply_async(queue="ts").get(timeout=120) for _ in range(4)]
    `);
    const [a, b, c, d] = pids;
    t.is(a, b);
    t.not(b, c);
    t.is(c, d);
    t.false(pids.includes(worker.pid));
  });

  test.serial(
    `${line} Celery: a task whose process dies fails with WorkerLostError, or is requeued if configured`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const worker = await fleet.typeScriptWorker();
      const error = await t.throwsAsync<PythonError>(
        fleet.python.run(`return signature("ts.crash").apply_async(queue="ts").get(timeout=120)`),
      );
      t.is(error!.type, "WorkerLostError");
      t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
      await worker.killGroup();
      await fleet.typeScriptWorker({ rejectOnWorkerLost: true });
      const id = await fleet.python.run<string>(
        `return signature("ts.crash_once").apply_async(queue="ts").id`,
      );
      t.is((await fleet.ended(id)).status, "SUCCESS");
    },
  );

  test.serial(
    `${line} Celery: a paused TypeScript worker that resumes does not overwrite Python's result`,
    async (t) => {
      const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 1 });
      const worker = await fleet.typeScriptWorker({ queues: ["shared"] });
      const id = await fleet.python.run<string>(
        `return slow.apply_async(("paused", 1.5), queue="shared").id`,
      );
      await fleet.notes("begun:paused", 1);
      worker.signal("SIGSTOP");
      await until("the visibility timeout", 120_000, async () => {
        const [, held] = await fleet.store.zrange("unacked_index", 0, 0, "WITHSCORES");
        return Number(held) + 2 < Date.now() / 1000 || undefined;
      });
      await fleet.pythonWorker({ queues: ["shared"] });
      t.like((await fleet.ended(id)).result, { lang: "py" });
      worker.signal("SIGCONT");
      await fleet.notes("done:paused", 2);
      await fleet.nothingUnacknowledged();
      t.like((await fleet.stored(id))!.result, { lang: "py" });
      t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="shared").get(timeout=120)`), 3);
    },
  );
}
