import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonError } from "./python-celery.js";
import { until } from "./until.js";

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: a task retried twice keeps its id and priority and shows RETRY in between`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      const id = await fleet.python.run<string>(`
      return retrying.apply_async((2, 1, "twice"), queue="ts", priority=3).id
    `);
      const seen = await until("the state RETRY", 120_000, async () => {
        const [state, reason] = await fleet.python.run<string[]>(
          `result = AsyncResult(id); return [result.state, repr(result.result)]`,
          { id },
        );
        return state === "RETRY" ? reason : undefined;
      });
      t.regex(seen, /not yet/);
      t.is((await fleet.ended(id)).result, 2);
      const attempts = await fleet.notes("attempts:twice", 3);
      t.deepEqual(
        attempts.map((attempt) => [attempt.id, attempt.retries, attempt.priority, attempt.root_id]),
        [0, 1, 2].map((retries) => [id, retries, 3, id]),
      );
      await fleet.nothingUnacknowledged();
    },
  );

  test.serial(`${line} Celery: a TypeScript task's retry may run in Python, and vice versa`, async (t) => {
    const fleet = await startFleet(t, line);
    const send = `return retrying.apply_async((1, 2, key), queue="shared").id`;
    for (const [key, first] of [
      ["ours", "ts"],
      ["theirs", "py"],
    ] as const) {
      const id = await fleet.python.run<string>(send, { key });
      const begin = {
        ts: () => fleet.typeScriptWorker({ queues: ["shared"] }),
        py: () => fleet.pythonWorker({ queues: ["shared"] }),
      };
      const worker = await begin[first]();
      await until(
        "the state RETRY",
        20_000,
        async () => (await fleet.stored(id))?.status === "RETRY" || undefined,
      );
      // kombu loses a message that it is receiving when it exits, so wait until the retry was received.
      if (first === "py") await worker.whenPrinted(/ received.* received/s);
      worker.signal("SIGTERM"); // the retry, which is waiting for its ETA, is put back into the queue
      t.is(await worker.waitForEnd(), 0);
      const other = await begin[first === "ts" ? "py" : "ts"]();
      t.is((await fleet.ended(id)).result, 1);
      const attempts = await fleet.notes(`attempts:${key}`, 2);
      t.deepEqual(
        attempts.map(({ lang, retries }) => [lang, retries]),
        [
          [first, 0],
          [first === "ts" ? "py" : "ts", 1],
        ],
      );
      await other.killGroup();
    }
  });

  test.serial(`${line} Celery: a task that exceeds its retries fails with its error`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run(`return retrying.apply_async((9, 0, "often"), queue="ts").get(timeout=120)`),
    );
    t.deepEqual([error!.type, error!.args], ["ValueError", ["not yet"]]);
    t.is((await fleet.notes("attempts:often", 4)).length, 4);
  });

  test.serial(`${line} Celery: a countdown is kept and delays no other task`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker({ concurrency: 1, prefetchMultiplier: 1 });
    await fleet.python.run("app.connection().ensure_connection()");
    const sent = Date.now();
    const [later, soon] = await fleet.python.run<[string, string]>(`
      later = [add.apply_async((1, 2), queue="ts", countdown=3) for _ in range(3)][-1]
      return [later.id, add.apply_async((3, 4), queue="ts").id]
    `);
    t.is((await fleet.ended(soon)).result, 7);
    t.is(await fleet.stored(later), undefined);
    const { result, date_done } = await fleet.ended(later);
    t.is(result, 3);
    const waited = Date.parse(date_done!) - sent;
    t.true(waited >= 2900 && waited < 60_000, `${waited} ms`);
    const own = await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts", countdownSeconds: 0.5 });
    t.is(await own.get(120_000), 3);
  });

  test.serial(`${line} Celery: Python honors a countdown and an expiry set by TypeScript`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.pythonWorker();
    const sent = Date.now();
    const result = await fleet.app.send("tasks.add", [1, 2], {}, { queue: "py", countdownSeconds: 2 });
    t.is(await result.get(120_000), 3);
    t.true(Date.now() - sent >= 1900);
    const expired = await fleet.app.send(
      "tasks.add",
      [1, 2],
      {},
      { queue: "py", expires: new Date(Date.now() - 1000) },
    );
    t.is((await fleet.ended(expired.taskId)).status, "REVOKED");
  });

  test.serial(`${line} Celery: a task revoked before its ETA does not run`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const id = await fleet.python.run<string>(`
      return slow.apply_async(("revoked", 0), queue="ts", countdown=2).id
    `);
    await until("the task held", 120_000, async () => (await fleet.store.hlen("unacked")) === 1 || undefined);
    await fleet.python.run("app.control.revoke(id)", { id });
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run("return AsyncResult(id).get(timeout=120)", { id }),
    );
    t.deepEqual([error!.type, error!.args], ["TaskRevokedError", ["revoked"]]);
    await fleet.nothingUnacknowledged();
    t.deepEqual(await fleet.notes("begun:revoked", 0), []);
    t.is((await fleet.stored(id))!.status, "REVOKED");
  });

  test.serial(`${line} Celery: a task revoked before it arrives does not wait for its ETA`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    await fleet.python.run(`app.control.revoke("early", reply=True, timeout=120, destination=["ts@test"])`);
    await fleet.python.run(`add.apply_async((1, 2), queue="ts", task_id="early", countdown=600)`);
    t.is((await fleet.ended("early")).status, "REVOKED");
    await fleet.nothingUnacknowledged();
  });

  test.serial(`${line} Celery: an expired task does not run`, async (t) => {
    const fleet = await startFleet(t, line);
    const id = await fleet.python.run<string>(
      `return slow.apply_async(("expired", 0), queue="ts", expires=0.3).id`,
    );
    await pause(500);
    await fleet.typeScriptWorker();
    const error = await t.throwsAsync<PythonError>(
      fleet.python.run("return AsyncResult(id).get(timeout=120)", { id }),
    );
    t.deepEqual([error!.type, error!.args], ["TaskRevokedError", ["expired"]]);
    t.deepEqual(await fleet.notes("begun:expired", 0), []);
    await fleet.nothingUnacknowledged();
  });
}
