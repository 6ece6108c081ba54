import test, { type ExecutionContext } from "ava";
import { createClient } from "redis";
import { RedisConnection } from "../../../src/adapters/redis/connection.js";
import { RedisRunCache } from "../../../src/adapters/redis/run-cache.js";
import { testRunCache } from "../../contract/run-cache.js";
import { type RedisServer, startRedis } from "../../servers/redis.js";

let server: RedisServer;
test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server?.remove());

/** A run cache, and a client of the same server. */
async function open(t: ExecutionContext) {
  const connection = new RedisConnection({
    host: "127.0.0.1",
    port: server.port,
    password: "",
    usesSentinel: false,
    sentinelName: "mymaster",
    socketTimeoutMs: 2000,
  });
  await connection.connect();
  const cache = new RedisRunCache(connection, { expirySeconds: 1000 });
  const client = createClient({ url: server.url });
  await client.connect();
  t.teardown(async () => {
    client.destroy();
    await cache.close();
  });
  return { cache, client };
}

testRunCache(test, async (t) => {
  const { cache, client } = await open(t);
  return {
    cache,
    /** Shortens the key's remaining time. */
    async pass(token, seconds) {
      const key = `upload:${token}`;
      await client.expire(key, Number(await client.ttl(key)) - seconds);
    },
  };
});

test("all keys of a run expire together, even if only its state was set", async (t) => {
  const { cache, client } = await open(t);
  await cache.setRunState("expiring", "active");
  t.true(Number(await client.ttl("run:expiring")) > 900);
  await cache.countProgress("expiring", "task", { comparisons: 1, candidates: 1 });
  await client.persist("run:expiring:counted-tasks");
  await cache.setRunState("expiring", "complete");
  for (const key of await client.keys("run:expiring*")) {
    t.true(Number(await client.ttl(key)) > 900, key);
  }
  // As Python workers read it.
  t.like({ ...(await client.hGetAll("run:expiring")) }, { state: "complete", comparisons: "1" });
});

test("removing a run or project also removes keys written by Python workers", async (t) => {
  const { cache, client } = await open(t);
  await cache.setRunState("removed", "active");
  await cache.countProgress("removed", "task", { comparisons: 1, candidates: 1 });
  await client.hSet("project:removed", "total_comparisons", 7); // as Python workers do
  await client.hSet("project:kept", "total_comparisons", 7);
  t.deepEqual((await client.keys("*removed*")).sort(), [
    "project:removed",
    "run:removed",
    "run:removed:counted-tasks",
  ]);
  await cache.remove("removed");
  await cache.removeProject("removed");
  t.deepEqual(await client.keys("*removed*"), []);
  t.is(await client.exists("project:kept"), 1);
});
