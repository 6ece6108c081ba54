import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { createClient, TimeoutError } from "redis";
import { RedisConnection, type RedisOptions } from "../../../src/adapters/redis/connection.js";
import { RedisRunCache } from "../../../src/adapters/redis/run-cache.js";
import { until } from "../../celery/until.js";
import { freePort } from "../../servers/free-port.js";
import { type RedisServer, startRedis } from "../../servers/redis.js";
import { SwallowingProxy } from "../../servers/swallowing-proxy.js";
import { StartedProcess } from "../../started-process.js";

const RETRY = { firstDelayMs: 20, maxRetryTimeMs: 120_000 };
const EXPIRY_SECONDS = 1000;

function optionsOf(port: number, changes: Partial<RedisOptions> = {}): RedisOptions {
  const server = { host: "127.0.0.1", port, password: "", usesSentinel: false, sentinelName: "mymaster" };
  return { ...server, socketTimeoutMs: 1000, ...changes };
}

/** A run cache with its own connection, and a client that reads the same server as a Python worker does. */
async function open(server: RedisServer, password = "") {
  const connection = new RedisConnection(optionsOf(server.port, { password }));
  await connection.connect();
  const cache = new RedisRunCache(connection, { expirySeconds: EXPIRY_SECONDS, retry: RETRY });
  const client = createClient({ url: server.url, ...(password === "" ? {} : { password }) });
  client.on("error", () => {});
  await client.connect();
  const close = () => {
    connection.destroy();
    client.destroy();
  };
  return { cache, client, close };
}

let server: RedisServer;
test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server?.remove());

test("only a run in state active is active", async (t) => {
  const { cache, client, close } = await open(server);
  t.teardown(close);
  t.false(await cache.isActive("states"));
  for (const state of ["active", "complete", "deleted"]) {
    await client.hSet("run:states", "state", state);
    t.is(await cache.isActive("states"), state === "active");
  }
});

test("adds progress to the fields used by Python workers", async (t) => {
  const { cache, client, close } = await open(server);
  t.teardown(close);
  await client.hSet("run:sums", { state: "active", comparisons: 5, candidates: 2 });
  t.is(await cache.countProgress("sums", "one", { comparisons: 100, candidates: 7 }), 9);
  t.is(await cache.countProgress("sums", "two", { comparisons: 4_000_000_000_000, candidates: 0 }), 9);
  t.deepEqual(
    { ...(await client.hGetAll("run:sums")) },
    {
      state: "active",
      comparisons: "4000000000105",
      candidates: "9",
    },
  );
  for (const key of await client.keys("run:sums*")) {
    const seconds = Number(await client.ttl(key));
    t.true(seconds > EXPIRY_SECONDS - 60 && seconds <= EXPIRY_SECONDS, key);
  }
});

test("counts a task once, also if repeated concurrently or after the stage ended", async (t) => {
  const { cache, client, close } = await open(server);
  t.teardown(close);
  await client.hSet("run:once", "state", "active");
  const progress = { comparisons: 10, candidates: 3 };
  const totals = await Promise.all(
    Array.from({ length: 20 }, () => cache.countProgress("once", "same", progress)),
  );
  t.deepEqual(new Set(totals), new Set([3]));
  await client.hDel("run:once", ["comparisons", "candidates"]);
  t.is(await cache.countProgress("once", "same", progress), 0);
  t.is(await client.hGet("run:once", "comparisons"), null);
});

test("does not count progress of inactive runs, and does not create them", async (t) => {
  const { cache, client, close } = await open(server);
  t.teardown(close);
  await client.hSet("run:gone", "state", "deleted");
  for (const runId of ["gone", "unknown"]) {
    t.is(await cache.countProgress(runId, "task", { comparisons: 1, candidates: 1 }), undefined);
  }
  t.deepEqual({ ...(await client.hGetAll("run:gone")) }, { state: "deleted" });
  t.is(await client.exists("run:unknown"), 0);
});

test("reconnects after a server restart and completes pending commands", async (t) => {
  const own = await startRedis({ appendOnly: true });
  t.teardown(() => own.remove());
  const { cache, client, close } = await open(own);
  t.teardown(close);
  await client.hSet("run:restart", "state", "active");
  for (const [n, end] of [() => own.stop(), () => own.kill()].entries()) {
    await end();
    const waiting = cache.countProgress("restart", `task ${n}`, { comparisons: 1, candidates: 1 });
    await sleep(1500);
    await own.start();
    t.is(await waiting, n + 1);
  }
});

test("retries on a new connection if one stops responding", async (t) => {
  const own = await startRedis({ appendOnly: true });
  t.teardown(() => own.remove());
  const { cache, client, close } = await open(own);
  t.teardown(close);
  await client.hSet("run:hung", "state", "active");
  await client.sendCommand(["CLIENT", "PAUSE", "2500", "ALL"]);
  t.true(await cache.isActive("hung"));
});

for (const [name, commandMs] of [
  ["idle", 60_000],
  ["busy", 300],
] as const) {
  test(`replaces an unresponsive ${name} connection, and recovers when the server is back`, async (t) => {
    const proxy = await SwallowingProxy.start({ host: "127.0.0.1", port: server.port });
    t.teardown(() => proxy.stop());
    const connection = new RedisConnection(optionsOf(proxy.port, { socketTimeoutMs: 1000 }));
    await connection.connect();
    t.teardown(() => connection.destroy());
    const answer = () => connection.setEx("silent", 60, "1").catch(() => undefined); // the machine may be slow
    await until("an answer", 120_000, answer);
    proxy.silence();
    // Each command is a write, which restarts the socket's own timeout.
    const busy = setInterval(() => connection.exists("silent").catch(() => {}), commandMs);
    await t.throwsAsync(connection.exists("silent"), { instanceOf: TimeoutError });
    await sleep(3000);
    proxy.resume();
    const back = performance.now();
    await until("an answer", 120_000, answer);
    t.true(performance.now() - back < 60_000);
    clearInterval(busy);
    proxy.silence();
    await connection.close(); // does not wait for missing answers
  });
}

test("connects with a password; a wrong one fails at once without being revealed", async (t) => {
  const own = await startRedis({ args: ["--requirepass", "p@ss wörd"] });
  t.teardown(() => own.remove());
  const { cache, close } = await open(own, "p@ss wörd");
  t.teardown(close);
  t.false(await cache.isActive("any"));
  const wrong = new RedisConnection(optionsOf(own.port, { password: "a-wrong-one" }));
  t.teardown(() => wrong.destroy());
  const error = await t.throwsAsync(wrong.connect(), { message: /WRONGPASS/ });
  t.false(error?.message.includes("a-wrong-one"));
});

test("connects to the master through Sentinel", async (t) => {
  const master = await startRedis();
  t.teardown(() => master.remove());
  const port = await freePort();
  const sentinel = new StartedProcess("sentinel", "sh", [
    "-c",
    `printf 'port ${port}\\nbind 127.0.0.1\\nsentinel monitor main 127.0.0.1 ${master.port} 1\\n' > ${master.folder}/sentinel.conf
     exec redis-server ${master.folder}/sentinel.conf --sentinel`,
  ]);
  t.teardown(() => sentinel.killGroup());
  await sentinel.whenPrinted(/\+monitor master main/);
  const connection = new RedisConnection(optionsOf(port, { usesSentinel: true, sentinelName: "main" }));
  await connection.connect();
  t.teardown(() => connection.destroy());
  const cache = new RedisRunCache(connection, { expirySeconds: EXPIRY_SECONDS, retry: RETRY });
  const client = createClient({ url: master.url });
  await client.connect();
  t.teardown(() => client.destroy());
  await client.hSet("run:sentinel", "state", "active");
  t.true(await cache.isActive("sentinel"));
  t.is(await cache.countProgress("sentinel", "task", { comparisons: 1, candidates: 4 }), 4);
});
