import { setTimeout as pause } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import IORedis from "ioredis";
import { CeleryApp, CeleryWorker } from "../../src/celery/index.js";
import { CLAIM } from "../../src/celery/scripts/claim.js";
import { runScript } from "../../src/celery/scripts/run-script.js";
import { LossyProxy } from "../servers/lossy-proxy.js";
import { startRedis } from "../servers/redis.js";
import { until } from "./until.js";

/** A client behind a proxy, and a direct connection to the server. */
async function open(t: ExecutionContext) {
  const redis = await startRedis();
  const proxy = await LossyProxy.start(redis.port);
  const app = new CeleryApp({ broker: `redis://127.0.0.1:${proxy.port}/0`, visibilityTimeoutSeconds: 1 });
  const store = new IORedis(redis.url);
  t.teardown(async () => {
    await app.disconnect();
    store.disconnect();
    await proxy.close();
    await redis.remove();
  });
  await app.broker.isReady();
  return { proxy, broker: app.broker, app, store };
}

test("a message whose claim reply was lost is run by its live worker, long before any timeout", async (t) => {
  const redis = await startRedis();
  const proxy = await LossyProxy.start(redis.port);
  const app = new CeleryApp({ broker: `redis://127.0.0.1:${proxy.port}/0`, workerLifetimeSeconds: 2 });
  const store = new IORedis(redis.url);
  const worker = new CeleryWorker(app, { queues: ["celery"], hostname: "ours@test" });
  t.teardown(async () => {
    await worker.stop();
    await app.disconnect();
    store.disconnect();
    await proxy.close();
    await redis.remove();
  });
  const runs: string[] = [];
  app.task("say", { parameters: ["word"] }, async ({ word }) => {
    runs.push(String(word));
    if (word === "second") await pause(3000); // longer than a lifetime
  });
  const client = new CeleryApp({ broker: redis.url });
  t.teardown(() => client.disconnect());
  const results = [await client.send("say", ["first"]), await client.send("say", ["second"])];
  proxy.loseAnswerTo("RPOP"); // the first claim
  await worker.start();
  for (const result of results) await result.get(120_000);
  t.is(proxy.lostCount, 1);
  t.deepEqual([...runs].sort(), ["first", "second"]);
  await until("all acknowledged", 120_000, async () => (await store.hlen("unacked")) === 0 || undefined);
});

test("a claim resent after a lost reply gets the same message", async (t) => {
  const { proxy, broker, app, store } = await open(t);
  await app.send("any.task", ["first"], {});
  await app.send("any.task", ["second"], {});
  const [second, first] = await store.lrange("celery", 0, -1);
  proxy.loseAnswerTo("unacked_index");
  const claimed = await broker.claim(["celery"]);
  t.is(proxy.lostCount, 1);
  t.is(claimed?.raw?.toString(), first);
  t.deepEqual(await store.hkeys(broker.keys.unacked), [claimed!.tag]);
  t.is((await broker.claim(["celery"]))?.raw?.toString(), second);
});

test("a repeated claim gets its message again, unless it was put back or a later claim followed", async (t) => {
  const { broker, app, store } = await open(t);
  for (const name of ["first", "second", "third"]) await app.send("any.task", [name], {});
  const [third, second, first] = await store.lrange("celery", 0, -1);
  const { unacked, unackedIndex } = broker.keys;
  const claim = async (number: number): Promise<string | undefined> => {
    const keys = [unacked, unackedIndex, "held", "celery", "celery.rejected", "record"];
    const found = (await runScript(store, CLAIM, keys.length, ...keys, number, 60, 1000)) as [
      number,
      string,
      string,
    ];
    return found?.[2];
  };
  t.is(await claim(1), first);
  t.is(await claim(1), first);
  t.is(await claim(2), second);
  t.is(await claim(1), undefined);

  const [tag] = await store.zrevrange(unackedIndex, 0, 0);
  await store.zadd(unackedIndex, 1, tag!); // as if another consumer had since claimed it
  t.is(await claim(2), undefined, "it is not this consumer's any more");
  t.is(await claim(3), third);
  t.is(await claim(4), undefined);
  await app.send("any.task", ["fourth"], {});
  t.is(await claim(4), undefined, "a copy of a claim that found nothing");
  t.is(await store.llen("celery"), 1);
});
