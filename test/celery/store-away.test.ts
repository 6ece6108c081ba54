import test, { type ExecutionContext } from "ava";
import { CeleryWorker, type CeleryWorkerOptions } from "../../src/celery/index.js";
import { type Fleet, startFleet } from "./fleet.js";
import { until } from "./until.js";

/** Starts our worker in the test's process; returns it and the messages that it logs. */
async function startWorker(t: ExecutionContext, fleet: Fleet, options: CeleryWorkerOptions = {}) {
  const logged: string[] = [];
  const say = (_: object, message: string) => void logged.push(message);
  const worker = new CeleryWorker(fleet.app, { queues: ["ts"], ...options, log: { info: say, warn: say } });
  await worker.start();
  t.teardown(() => worker.kill());
  return { worker, logged };
}

test.serial("an outcome that the store rejects is stored later, and the task runs once", async (t) => {
  const fleet = await startFleet(t, "newest");
  let runs = 0;
  fleet.app.task("once", { parameters: [] }, async () => {
    runs++;
    // From now on Redis rejects all writes, as when its memory is full.
    await fleet.store.config("SET", "maxmemory", "1");
    return "done";
  });
  const { logged } = await startWorker(t, fleet);
  const result = await fleet.app.send("once", [], {}, { queue: "ts" });
  await until("a failed attempt", 120_000, () => (logged.includes("outcome not stored") ? true : undefined));
  t.is(await result.state(), "PENDING");
  await fleet.store.config("SET", "maxmemory", "0");
  t.is(await result.get(120_000), "done");
  await fleet.nothingUnacknowledged();
  t.is(runs, 1);
});

test.serial(
  "a worker can stop while the store rejects outcomes, leaving the task unacknowledged",
  async (t) => {
    const fleet = await startFleet(t, "newest", { visibilityTimeoutSeconds: 3600 });
    fleet.app.task("stuck", { parameters: [] }, () => fleet.store.config("SET", "maxmemory", "1"));
    const { worker, logged } = await startWorker(t, fleet);
    await fleet.app.send("stuck", [], {}, { queue: "ts" });
    await until("a failed attempt", 120_000, () =>
      logged.includes("outcome not stored") ? true : undefined,
    );
    await worker.stop();
    t.is(await fleet.store.hlen(fleet.app.broker.keys.unacked), 1);
  },
);

for (const acksLate of [true, false]) {
  test.serial(
    `a failed acknowledgment is retried (acknowledging ${acksLate ? "late" : "early"})`,
    async (t) => {
      const fleet = await startFleet(t, "newest");
      const { broker } = fleet.app;
      const acknowledge = broker.acknowledge.bind(broker);
      let failures = 0;
      broker.acknowledge = async (tag) => {
        if (failures++ === 0) throw new Error("the server is away");
        return acknowledge(tag);
      };
      let runs = 0;
      fleet.app.task("counted", { parameters: [] }, () => ++runs);
      await startWorker(t, fleet, { acksLate });
      const result = await fleet.app.send("counted", [], {}, { queue: "ts" });
      t.is(await result.get(120_000), 1);
      await fleet.nothingUnacknowledged();
      t.true(failures > 1);
    },
  );
}
