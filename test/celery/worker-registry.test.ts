import test, { type ExecutionContext } from "ava";
import IORedis from "ioredis";
import { CeleryApp } from "../../src/celery/index.js";
import { startRedis } from "../servers/redis.js";

const LIFETIME_SECONDS = 15;
/** This long without any heartbeat means that the broker was down. */
const GAP_SECONDS = 7.5;

/** The brokers of two workers, and a plain connection to their server. */
async function open(t: ExecutionContext) {
  const redis = await startRedis();
  const apps = [1, 2].map(() => new CeleryApp({ broker: redis.url }));
  const store = new IORedis(redis.url);
  t.teardown(async () => {
    for (const app of apps) await app.disconnect();
    store.disconnect();
    await redis.remove();
  });
  const [{ broker: ours }, { broker: other }] = apps as [CeleryApp, CeleryApp];
  /** Moves a worker's last heartbeat to `seconds` ago. */
  const age = async (worker: string, seconds: number) => {
    const [now] = await store.time();
    await store.zadd(ours.keys.workers, Number(now) - seconds, worker);
  };
  /** Keys of held messages, without those that record the latest claims. */
  const heldKeys = async () =>
    (await store.keys("unacked*")).filter((key) => !key.startsWith("unacked_claim:"));
  return { app: apps[0]!, ours, other, store, age, heldKeys };
}

test("a worker is dead once its heartbeat is older than its lifetime, if others still send theirs", async (t) => {
  const { ours, other, age } = await open(t);
  t.true((await other.registry.beat()).isBack, "new");
  t.false((await other.registry.beat()).isBack);
  await ours.registry.beat();
  await age(other.registry.id, LIFETIME_SECONDS - 2);
  t.deepEqual((await ours.registry.beat()).deadWorkers, []);
  await age(other.registry.id, LIFETIME_SECONDS + 1);
  t.deepEqual((await ours.registry.beat()).deadWorkers, [other.registry.id]);
  t.true((await other.registry.beat()).isBack, "counted as dead");
  t.deepEqual((await ours.registry.beat()).deadWorkers, []);
});

test("after a gap without any heartbeats, all previously live workers get a full lifetime", async (t) => {
  const { ours, other, store, age } = await open(t);
  await ours.registry.beat();
  await age(ours.registry.id, 40);
  await age(other.registry.id, 50);
  await age("dead before", 40 + LIFETIME_SECONDS + 1);
  const beat = await ours.registry.beat();
  t.deepEqual(beat.deadWorkers, ["dead before"]);
  t.false(beat.isBack);
  const [now] = await store.time();
  t.true(Number(await store.zscore(ours.keys.workers, other.registry.id)) >= Number(now));
  t.false((await other.registry.beat()).isBack);

  await age(ours.registry.id, GAP_SECONDS - 2);
  await age(other.registry.id, LIFETIME_SECONDS + 1);
  t.true((await ours.registry.beat()).deadWorkers.includes(other.registry.id), "a short pause is none");
});

test("a clock that is set back neither kills live workers nor revives dead ones", async (t) => {
  const { ours, other, age } = await open(t);
  await age(ours.registry.id, -3600);
  await age(other.registry.id, -3590);
  await age("dead before", -3600 + LIFETIME_SECONDS + 1);
  const beat = await ours.registry.beat();
  t.deepEqual(beat.deadWorkers, ["dead before"]);
  t.deepEqual((await ours.registry.beat()).deadWorkers, ["dead before"]);
  t.false((await other.registry.beat()).isBack);
});

test("messages of a dead worker are requeued in order as redelivered, and no keys remain", async (t) => {
  const { app, ours, other, store, age, heldKeys } = await open(t);
  for (const n of [1, 2, 3]) await app.send("any.task", [n, "é😀"], {}, { priority: n === 3 ? 9 : 0 });
  await other.registry.beat();
  const claimed = [
    await other.claim(["celery"]),
    await other.claim(["celery"]),
    await other.claim(["celery"]),
  ];
  t.is(await ours.registry.restoreHeldBy(other.registry.id), 0, "it is alive");
  await age(other.registry.id, LIFETIME_SECONDS + 1);
  t.is(await ours.registry.restoreHeldBy(other.registry.id), 3);
  t.deepEqual(await heldKeys(), []);
  for (const before of claimed) {
    const again = await ours.claim(["celery"]);
    t.is(again!.tag, before!.tag);
    t.true(JSON.parse(String(again!.raw)).headers.redelivered);
    t.is(JSON.parse(String(again!.raw)).body, JSON.parse(String(before!.raw)).body);
  }
  t.deepEqual(
    (await other.registry.renew(claimed.map((each) => each!.tag))).length,
    3,
    "and it learns of it",
  );
  t.false(await other.acknowledge(claimed[0]!.tag));
  t.false(await other.putBack(claimed[1]!.tag));
  t.is(await store.hlen(ours.keys.unacked), 3);
  for (const { tag } of claimed as { tag: string }[]) t.true(await ours.acknowledge(tag));
  t.deepEqual(await heldKeys(), []);
});

test("a worker that returns in time keeps messages that were not restored yet", async (t) => {
  const { app, ours, other, age } = await open(t);
  await app.send("any.task");
  await other.registry.beat();
  const claimed = await other.claim(["celery"]);
  await ours.registry.beat();
  await age(other.registry.id, LIFETIME_SECONDS + 1);
  t.deepEqual((await ours.registry.beat()).deadWorkers, [other.registry.id]);
  await other.registry.beat();
  t.is(await ours.registry.restoreHeldBy(other.registry.id), 0);
  t.deepEqual(await other.registry.renew([claimed!.tag]), []);
  t.true(await other.acknowledge(claimed!.tag));
});

test("restores Python workers' messages only after an extra period, and a few at a time", async (t) => {
  const { app, ours, store } = await open(t);
  const now = Math.floor(Date.now() / 1000);
  for (let n = 0; n < 25; n++) {
    await app.send("any.task", [n]);
    const raw = (await store.rpop("celery"))!;
    const tag = JSON.parse(raw).properties.delivery_tag;
    await store.hset("unacked", tag, `[${raw}, "", "celery"]`); // as kombu does
    await store.zadd("unacked_index", now - 3600 - (n < 5 ? 50 : 150), tag);
  }
  const { expired } = await ours.registry.beat();
  t.is(expired.length, 10);
  t.is(await ours.registry.restoreExpired(expired), 10);
  t.is(await ours.registry.restoreExpired(expired), 0);
  t.deepEqual((await ours.registry.beat()).expired, [], "not before the next period");
  await store.del(ours.keys.unackedSwept);
  t.is(await ours.registry.restoreExpired((await ours.registry.beat()).expired), 10);
  await store.del(ours.keys.unackedSwept);
  t.deepEqual((await ours.registry.beat()).expired, []);
  t.is(await store.zcard("unacked_index"), 5);
});

test("a stopped worker leaves the registry only once it holds no messages", async (t) => {
  const { app, ours, store, heldKeys } = await open(t);
  await ours.registry.beat();
  await app.send("any.task");
  const claimed = await ours.claim(["celery"]);
  await ours.registry.leave();
  t.is(await store.zcard(ours.keys.workers), 1);
  t.true(await ours.putBack(claimed!.tag));
  await ours.registry.leave();
  t.deepEqual(await heldKeys(), []);
});
