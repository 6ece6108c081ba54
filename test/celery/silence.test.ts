import { setTimeout as pause } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { RedisConnection } from "../../src/adapters/redis/connection.js";
import { CeleryApp, CeleryWorker, type CeleryWorkerOptions } from "../../src/celery/index.js";
import { dropPackets, letPacketsThrough } from "../servers/dropped-port.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { Sentinel } from "../servers/sentinel.js";
import { SwallowingProxy } from "../servers/swallowing-proxy.js";
import { until } from "./until.js";

/** Short, to keep the tests short; the default is 15. */
const SOCKET_TIMEOUT_SECONDS = 3;

/** A worker and a client behind a proxy, and a client that reaches the server directly. */
async function open(t: ExecutionContext, options: CeleryWorkerOptions = {}) {
  const redis: RedisServer = await startRedis();
  const proxy = await SwallowingProxy.start({ host: "127.0.0.1", port: redis.port });
  t.teardown(() => proxy.stop());
  const started = await startWorker(t, redis, `redis://127.0.0.1:${proxy.port}/0`, options);
  t.teardown(() => {
    letPacketsThrough(proxy.port);
    proxy.resume();
  });
  return { proxy, ...started };
}

/** A worker and a client of a broker, and a client that reaches the broker's server directly. */
async function startWorker(
  t: ExecutionContext,
  redis: RedisServer,
  broker: string,
  options: CeleryWorkerOptions = {},
) {
  const app = new CeleryApp({ broker, socketTimeoutSeconds: SOCKET_TIMEOUT_SECONDS });
  const direct = new CeleryApp({ broker: redis.url });
  const begun: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  app.task("note", { parameters: ["name"] }, ({ name }) => {
    begun.push(String(name));
    return name;
  });
  app.task("hold", { parameters: ["name"] }, async ({ name }) => {
    begun.push(String(name));
    await held;
    return name;
  });
  const worker = new CeleryWorker(app, { hostname: "silent@test", concurrency: 2, ...options });
  t.teardown(async () => {
    release();
    await worker.kill();
    await Promise.all([app.disconnect(), direct.disconnect()]);
    await redis.remove();
  });
  await worker.start();
  const waitFor = (name: string) => until(name, 120_000, () => begun.includes(name) || undefined);
  return { redis, app, direct, worker, begun, release, waitFor };
}

for (const means of ["swallowed", "dropped"] as const) {
  test(`reconnects and resumes tasks, results and remote control after bytes are ${means}`, async (t) => {
    const { proxy, app, direct, worker, begun, release, waitFor } = await open(t);
    const early = await app.send("hold", ["early"]);
    await waitFor("early");
    const earlyResult = early.get(); // waits on a connection that only listens
    await app.backend.isReady();

    const connections = () => proxy.connectionCount;
    const before = connections();
    if (means === "dropped") dropPackets(proxy.port);
    else proxy.silence();
    const late = app.send("note", ["late"]);
    release(); // the outcome cannot be stored now
    await until("the connection that claims to be cut", 120_000, () =>
      app.broker.redis.status === "ready" ? undefined : true,
    );
    await direct.send("note", ["meanwhile"]);
    t.true(worker.standstillMs < 60_000);

    letPacketsThrough(proxy.port);
    proxy.resume();
    t.is(await (await late).get(120_000), "late");
    t.is(await earlyResult, "early");
    await waitFor("meanwhile");
    t.deepEqual([...begun].sort(), ["early", "late", "meanwhile"], "each once");
    await until("all to be acknowledged", 120_000, async () => {
      const { redis, keys } = direct.broker;
      return (await redis.hlen(keys.unacked)) === 0 || undefined;
    });
    await waitForSubscriber(direct, "/0.celery.pidbox");
    t.true(connections() > before);
  });
}

test("tasks and results resume once an unresponsive master behind Sentinel responds again", async (t) => {
  const redis = await startRedis();
  const sentinel = await Sentinel.start(redis);
  t.teardown(() => sentinel.kill());
  const { app, direct, begun, release, waitFor } = await startWorker(t, redis, sentinel.url);
  t.teardown(() => letPacketsThrough(redis.port));
  const early = await app.send("hold", ["early"]);
  await waitFor("early");
  const earlyResult = early.get();
  await app.backend.isReady();

  dropPackets(redis.port);
  const late = app.send("note", ["late"]);
  release();
  await until("the connection that claims to be cut", 120_000, () =>
    app.broker.redis.status === "ready" ? undefined : true,
  );
  await sentinel.whenSaid(/\+sdown master mymaster/);

  letPacketsThrough(redis.port);
  t.is(await (await late).get(120_000), "late");
  t.is(await earlyResult, "early");
  t.deepEqual([...begun].sort(), ["early", "late"], "each once");
  await until("all to be acknowledged", 120_000, async () => {
    const { redis: client, keys } = direct.broker;
    return (await client.hlen(keys.unacked)) === 0 || undefined;
  });
  await waitForSubscriber(direct, "/0.celery.pidbox");
});

test("detects an unresponsive idle subscriber connection and subscribes again", async (t) => {
  const { proxy, app, direct, waitFor } = await open(t);
  const result = app.result("later"); // sent below
  const value = result.get();
  await waitForSubscriber(direct, app.backend.resultKey("later"));
  proxy.silence();
  const cut = proxy.connectionCount;
  await until("new attempts", 120_000, () => proxy.connectionCount > cut || undefined);
  proxy.resume();
  await waitForSubscriber(direct, app.backend.resultKey("later"));
  await direct.send("note", ["x"], {}, { taskId: "later" });
  await waitFor("x");
  t.is(await value, "x");
});

async function waitForSubscriber({ broker }: CeleryApp, channel: string): Promise<void> {
  await until("a subscriber", 120_000, async () => {
    const [, count] = (await broker.redis.send_command("PUBSUB", "NUMSUB", channel)) as [string, number];
    return Number(count) > 0 || undefined;
  });
}

for (const state of ["idle", "busy", "storing an outcome", "not started"] as const) {
  test(`a worker that is ${state} stops within its grace period while the broker is unresponsive`, async (t) => {
    const { proxy, app, worker, release, waitFor } = await open(t, { shutdownGraceSeconds: 3 });
    if (state === "busy" || state === "storing an outcome") {
      await app.send("hold", ["held"]);
      await waitFor("held");
    }
    proxy.silence();
    if (state === "storing an outcome") release();
    const ending =
      state === "not started"
        ? new CeleryWorker(app, { hostname: "new@test", shutdownGraceSeconds: 3 })
        : worker;
    if (state === "not started") ending.start().catch(() => {}); // it ends with the connection
    const start = performance.now();
    await ending.stop();
    await ending.finished;
    const seconds = (performance.now() - start) / 1000;
    t.true(seconds < 60, `${seconds} s`); // 3 + 10 at most; the rest is for a slow machine
  });
}

test("retries at most once per second while connections are refused, and recovers promptly", async (t) => {
  const { proxy, direct, app, waitFor } = await open(t, { queues: ["celery", "compute", "highmemory"] });
  const cache = new RedisConnection({
    host: "127.0.0.1",
    port: proxy.port,
    password: "",
    usesSentinel: false,
    sentinelName: "",
    socketTimeoutMs: 5000,
  });
  await cache.connect();
  t.teardown(() => cache.destroy());
  void app
    .result("none")
    .get()
    .catch(() => {}); // another connection
  await direct.send("note", ["first"]);
  await waitFor("first");
  await until("all connections to be there", 120_000, async () => {
    const before = proxy.connectionCount;
    await pause(2000);
    return proxy.connectionCount === before || undefined;
  });
  const before = proxy.connectionCount;
  proxy.refuse();
  await pause(30_000); // the measured time
  const attempts = proxy.connectionCount - before;
  t.log(`${attempts} attempts in 30 s, for ${before} connections`);
  t.true(attempts >= 3 && attempts <= 30, `${attempts} attempts`);
  proxy.resume();
  const back = performance.now();
  await direct.send("note", ["second"], {}, { queue: "highmemory" });
  await waitFor("second");
  t.true(performance.now() - back < 60_000);
});
