import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { type Fleet, startFleet } from "./fleet.js";

const MEASURED_SECONDS = 20;

/** Commands per second that the server executes, including those of scripts. */
async function commandsPerSecond(fleet: Fleet): Promise<number> {
  await fleet.store.config("RESETSTAT");
  const start = performance.now();
  await pause(1000 * MEASURED_SECONDS); // the measured time
  const seconds = (performance.now() - start) / 1000;
  const stats = await fleet.store.info("commandstats");
  const counts = [...stats.matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)]
    .filter(([, name]) => name !== "config|resetstat" && name !== "info")
    .map(([, , calls]) => Number(calls));
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

for (const queues of [["ts"], ["ts", "compute", "highmemory"]]) {
  test(`an idle worker sends fewer than 5 commands per second and queue (${queues.length})`, async (t) => {
    const fleet = await startFleet(t, "newest");
    await fleet.typeScriptWorker({ queues });
    await pause(2000); // skip the start
    const rate = await commandsPerSecond(fleet);
    t.log(`${rate} commands a second`);
    t.true(rate < 5 * queues.length, `${rate} commands a second`);
  });
}

test("baseline: an idle Python worker", async (t) => {
  const fleet = await startFleet(t, "newest");
  await fleet.pythonWorker({ queues: ["py"] });
  await pause(2000);
  const rate = await commandsPerSecond(fleet);
  t.log(`${rate} commands a second`);
  t.true(rate > 0);
});

for (const [priority, limitMs] of [
  [0, 150],
  [3, 250],
  [9, 250],
] as const) {
  test.serial(`an idle worker picks up a message of priority ${priority} promptly`, async (t) => {
    const fleet = await startFleet(t, "newest");
    await fleet.typeScriptWorker();
    const delays: number[] = [];
    for (let n = 0; n < 15; n++) {
      await pause(300 + Math.random() * 300); // so that the worker is waiting, at a random point of its polling
      const start = performance.now();
      const sent = await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts", priority });
      await sent.get(120_000);
      delays.push(performance.now() - start);
    }
    const median = delays.sort((a, b) => a - b)[7]!;
    t.log(`median ${Math.round(median)} ms, worst ${Math.round(delays.at(-1)!)} ms`);
    t.true(median < limitMs, `${median} ms`);
  });
}
