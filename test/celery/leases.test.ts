// What happens to tasks when their worker is paused, blocked or killed, and when the broker is down.
import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { startRedis } from "../servers/redis.js";
import type { Circumstances, Fleet } from "./fleet.js";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

/** How long the broker is down: longer than a worker's lifetime without a heartbeat, which is 15 seconds. */
const AWAY_MS = 40_000;

test("another worker runs the tasks of a paused worker, which drops them when it resumes", async (t) => {
  const fleet = await startFleet(t, "newest");
  const first = await fleet.typeScriptWorker({
    queues: ["shared"],
    hostname: "first@test",
    prefetchMultiplier: 3,
  });
  const send = (key: string, seconds: number, countdownSeconds?: number) =>
    fleet.app.send("ts.heeding", [key, seconds], {}, { queue: "shared", countdownSeconds });
  const running = await send("running", 30);
  await fleet.notes("begun:running", 1);
  const others = [await send("waiting", 0.1), await send("scheduled", 0.1, 5)];
  await until("all held", 120_000, async () => (await fleet.store.hlen("unacked")) === 3 || undefined);
  first.signal("SIGSTOP");
  await fleet.typeScriptWorker({ queues: ["shared"], hostname: "second@test", concurrency: 3 });
  for (const result of others)
    t.like(await result.get(120_000), { hostname: "second@test", redelivered: true });
  await fleet.notes("begun:running", 2, 120_000);
  first.signal("SIGCONT");
  await fleet.notes("stopped:running", 1);
  t.like(await running.get(120_000), { hostname: "second@test", redelivered: true });
  await fleet.nothingUnacknowledged();
  t.is(first.output.match(/task dropped/g)?.length, 3);
  for (const key of ["running", "waiting", "scheduled"]) {
    t.is((await fleet.notes(`done:${key}`, 1)).length, 1, key);
  }
  // The first worker takes tasks again.
  for (let n = 0; n < 6; n++) await fleet.app.send("ts.heeding", [`later`, 2], {}, { queue: "shared" });
  const later = await fleet.notes<Circumstances>("begun:later", 6);
  t.true(later.some(({ hostname }) => hostname === "first@test"));
});

test("a worker whose event loop was blocked beyond its lifetime stores no results", async (t) => {
  const fleet = await startFleet(t, "newest");
  await fleet.typeScriptWorker({ queues: ["first"], hostname: "first@test", concurrency: 3 });
  const waiting = await fleet.app.send("ts.heeding", ["waiting", 30], {}, { queue: "first" });
  await fleet.notes("begun:waiting", 1);
  const blocking = await fleet.app.send("ts.block_here", ["blocking", 25], {}, { queue: "first" });
  await fleet.notes("begun:blocking", 1);
  await fleet.typeScriptWorker({ queues: ["first"], hostname: "second@test", concurrency: 3 });
  for (const result of [blocking, waiting]) {
    t.like(await result.get(120_000), { hostname: "second@test", redelivered: true });
  }
  await fleet.notes("stopped:waiting", 1);
  await fleet.nothingUnacknowledged();
  t.is((await fleet.notes("begun:waiting", 2)).length, 2);
  t.is((await fleet.notes("done:waiting", 1)).length, 1);
  t.is((await fleet.notes("begun:blocking", 2)).length, 2);
});

/** Calls `away`, which takes Redis down, while longer tasks are running; returns how often each task was started. */
async function runsWhileAway(fleet: Fleet, away: () => Promise<void>): Promise<Map<string, number>> {
  const count = 3;
  await fleet.pythonWorker({ queues: ["py"], concurrency: count });
  for (const name of ["first", "second"]) {
    await fleet.typeScriptWorker({ queues: ["ts"], hostname: `${name}@test`, concurrency: count });
  }
  const keys = Array.from({ length: 3 * count }, (_, n) => `task ${n}`);
  const results = [];
  for (const [n, key] of keys.entries()) {
    const queue = n < count ? "py" : "ts";
    results.push(await fleet.app.send("tasks.slow", [key, AWAY_MS / 1000 + 35], {}, { queue }));
  }
  for (const key of keys) await fleet.notes(`begun:${key}`, 1, 60_000);
  await away();
  for (const result of results) await result.get(180_000);
  await fleet.nothingUnacknowledged();
  return new Map(
    await Promise.all(keys.map(async (key) => [key, await fleet.store.llen(`begun:${key}`)] as const)),
  );
}

for (const line of PYTHON_LINES) {
  test(`${line} Celery: no task runs twice after Redis is paused for 40 s`, async (t) => {
    const fleet = await startFleet(t, line);
    const runs = await runsWhileAway(fleet, async () => {
      fleet.redis.signal("SIGSTOP");
      await pause(AWAY_MS);
      fleet.redis.signal("SIGCONT");
    });
    t.deepEqual([...runs.values()], Array(9).fill(1));
  });

  test(`${line} Celery: no task runs twice after Redis is down for 40 s, half of them spent loading`, async (t) => {
    const args: string[] = [];
    const redis = await startRedis({ appendOnly: true, args });
    t.teardown(() => redis.remove());
    const fleet = await startFleet(t, line, { redis });
    const runs = await runsWhileAway(fleet, async () => {
      await redis.kill();
      await pause(AWAY_MS / 2);
      const commands = 100; // about as many as in the append-only file
      args.push("--key-load-delay", String((1000 * AWAY_MS) / 2 / commands));
      const start = Date.now();
      await redis.start();
      t.log(`loading took ${Date.now() - start} ms`);
    });
    t.deepEqual([...runs.values()], Array(9).fill(1));
  });
}
