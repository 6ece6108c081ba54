import test, { type ExecutionContext } from "ava";
import IORedis from "ioredis";
import { CeleryApp } from "../../src/celery/index.js";
import { LossyProxy } from "../servers/lossy-proxy.js";
import { startRedis } from "../servers/redis.js";

/** A client behind a proxy, and a plain connection to the server itself. */
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

test("a sweep whose mutex was taken, but whose answer was lost, goes on and gives the mutex back", async (t) => {
  const { proxy, broker, app, store } = await open(t);
  await app.send("any.task", [], {});
  t.truthy(await broker.claim(["celery"]));
  const { unacked, unackedIndex, unackedMutex } = broker.keys;
  const [tag] = await store.hkeys(unacked);
  await store.zadd(unackedIndex, 0, tag!); // held long ago, by a worker that is gone
  proxy.loseAnswerTo(unackedMutex);
  t.is(await broker.restoreExpired(), 1);
  t.is(proxy.lostCount, 1);
  t.is(await store.exists(unackedMutex), 0);
  t.is(await store.llen("celery"), 1);
});

test("a sweep that another worker does is left to it, and ends soon after that one's death", async (t) => {
  const { broker, store } = await open(t);
  const { unackedMutex } = broker.keys;
  await store.set(unackedMutex, "another's", "PX", 60_000);
  t.is(await broker.restoreExpired(), 0);
  t.is(await store.get(unackedMutex), "another's");

  await store.del(unackedMutex);
  let held = 0;
  const original = broker.redis.time.bind(broker.redis);
  broker.redis.time = (async () => {
    held = await store.pttl(unackedMutex);
    return original();
  }) as typeof broker.redis.time;
  t.is(await broker.restoreExpired(), 0);
  t.true(held > 0 && held <= 10_000, `${held} ms`);
});

test("a message whose claim was not answered comes back when the visibility timeout is over", async (t) => {
  const { proxy, broker, app, store } = await open(t);
  await app.send("any.task", ["first"], {});
  await app.send("any.task", ["second"], {});
  proxy.loseAnswerTo("unacked_index");
  const claimed = await broker.claim(["celery"]);
  t.is(proxy.lostCount, 1);
  t.is(await store.hlen(broker.keys.unacked), 2); // the one nobody knows of, and this one
  await broker.acknowledge(claimed!.tag);
  const [tag] = await store.hkeys(broker.keys.unacked);
  await store.zadd(broker.keys.unackedIndex, 0, tag!);
  t.is(await broker.restoreExpired(), 1);
  t.truthy(await broker.claim(["celery"]));
});
