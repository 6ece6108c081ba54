import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import test, { type ExecutionContext } from "ava";
import { makeCertificate } from "../servers/certificates.js";
import { freePort } from "../servers/free-port.js";
import { RedisServer, startRedis } from "../servers/redis.js";
import { Sentinel } from "../servers/sentinel.js";
import { StartedProcess } from "../started-process.js";
import { type Fleet, startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";
import { until } from "./until.js";

/** What must work over any connection: a task, a chord, remote control, and recovery from a killed worker. */
async function holds(t: ExecutionContext, fleet: Fleet): Promise<void> {
  const worker = await fleet.typeScriptWorker({ queues: ["ts", "shared"] });
  await fleet.pythonWorker({ queues: ["py"] });
  t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
  t.is(await fleet.app.send("tasks.add", [1, 2], {}, { queue: "py" }).then((each) => each.get(120_000)), 3);
  for (const last of ["py", "ts"]) {
    const results = await fleet.python.run(
      `
      header = [sleep.s(0.5 if queue == last else 0, queue).set(queue=queue) for queue in ("py", "ts")]
      return chord(header, echo.s().set(queue="ts")).apply_async().get(timeout=120)
      `,
      { last },
    );
    t.deepEqual(results, ["py", "ts"]);
  }
  const replies = await fleet.python.run<Record<string, unknown>>(
    `return app.control.inspect(["py@test", "ts@test"], timeout=120).ping()`,
  );
  t.deepEqual(replies, { "py@test": { ok: "pong" }, "ts@test": { ok: "pong" } });

  const id = await fleet.python.run<string>(`return slow.apply_async(("killed", 1), queue="shared").id`);
  await fleet.notes("begun:killed", 1);
  worker.signal("SIGKILL");
  const { unackedIndex } = fleet.app.broker.keys;
  await until("the visibility timeout", 120_000, async () => {
    const [, held] = await fleet.store.zrange(unackedIndex, 0, 0, "WITHSCORES");
    return Number(held) + fleet.options.visibilityTimeoutSeconds! + 1 < Date.now() / 1000 || undefined;
  });
  await fleet.pythonWorker({ queues: ["shared"], name: "second" });
  t.like((await fleet.ended(id)).result, { lang: "py", redelivered: true });
  await fleet.nothingUnacknowledged();
}

/** Waits until only our worker answers a ping; its connection for remote control may come back later than the others. */
async function answersPing(fleet: Fleet): Promise<void> {
  await until("an answer to a ping", 120_000, async () => {
    const answers = await fleet.python.run("return app.control.ping(timeout=2)");
    return isDeepStrictEqual(answers, [{ "ts@test": { ok: "pong" } }]) || undefined;
  });
}

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: tasks, chords, remote control and recovery work behind Sentinel`,
    async (t) => {
      const master = await startRedis();
      t.teardown(() => master.remove());
      const sentinel = await Sentinel.start(master);
      t.teardown(() => sentinel.kill());
      const fleet = await startFleet(t, line, {
        redis: master,
        pythonUrl: sentinel.url,
        typeScriptUrl: sentinel.url,
        visibilityTimeoutSeconds: 3,
        transportOptions: { master_name: "mymaster" },
        backendTransportOptions: { master_name: "mymaster" },
        app: { sentinelMaster: "mymaster" },
      });
      await holds(t, fleet);
    },
  );

  test.serial(`${line} Celery: the worker and client follow a Sentinel failover`, async (t) => {
    const master = await startRedis();
    t.teardown(() => master.remove());
    const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] });
    t.teardown(() => replica.remove());
    const sentinel = await Sentinel.start(master);
    t.teardown(() => sentinel.kill());
    await sentinel.whenSaid(/\+slave slave/);
    const fleet = await startFleet(t, line, {
      redis: master,
      pythonUrl: sentinel.url,
      typeScriptUrl: sentinel.url,
      transportOptions: { master_name: "mymaster" },
      backendTransportOptions: { master_name: "mymaster" },
    });
    await fleet.typeScriptWorker();
    const add = () =>
      fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts" }).then((each) => each.get(120_000));
    t.is(await add(), 3);
    await master.kill();
    const late = add(); // waits for a new master
    await sentinel.whenSaid(/\+switch-master mymaster/);
    t.is(await late, 3);
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
    await answersPing(fleet);
    await fleet.pythonWorker();
    const theirs = await fleet.app.send("tasks.add", [1, 2], {}, { queue: "py" });
    t.is(await theirs.get(120_000), 3);
  });

  test.serial(`${line} Celery: a Redis server that is killed and restarted loses no task`, async (t) => {
    const redis = await startRedis({ appendOnly: true });
    t.teardown(() => redis.remove());
    const fleet = await startFleet(t, line, { redis, visibilityTimeoutSeconds: 3 });
    const worker = await fleet.typeScriptWorker({ concurrency: 2 });
    const ids = await fleet.python.run<string[]>(`
      return [slow.apply_async(("outage", 0.2), queue="ts").id for _ in range(20)]
    `);
    await fleet.notes("done:outage", 4);
    await redis.kill();
    const sent = fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts" });
    await pause(1500);
    await redis.start();
    t.is(await sent.then((result) => result.get(120_000)), 3);
    for (const id of ids) t.is((await fleet.ended(id)).status, "SUCCESS");
    await fleet.nothingUnacknowledged();
    t.false(worker.hasEnded);
    await answersPing(fleet);
  });

  test.serial(`${line} Celery: the worker and client wait for a server that is not up yet`, async (t) => {
    const redis = new RedisServer(await freePort());
    t.teardown(() => redis.remove());
    const fleet = await startFleet(t, line, { redis });
    const worker = fleet.typeScriptWorker();
    const sent = fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts" });
    await pause(1500);
    await redis.start();
    await worker;
    t.is(await sent.then((result) => result.get(120_000)), 3);
    t.is(await fleet.python.run(`return add.apply_async((1, 2), queue="ts").get(timeout=120)`), 3);
  });

  test.serial(`${line} Celery: tasks, chords, remote control and recovery work over TLS`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "certificates-"));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const { certificate, key } = makeCertificate(folder);
    const port = await freePort();
    const redis = await startRedis({
      args: [
        ...["--tls-port", String(port), "--tls-cert-file", certificate, "--tls-key-file", key],
        ...["--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"],
      ],
    });
    t.teardown(() => redis.remove());
    const url = `rediss://127.0.0.1:${port}/0?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs=${encodeURIComponent(certificate)}`;
    const fleet = await startFleet(t, line, {
      redis,
      pythonUrl: url,
      typeScriptUrl: url,
      visibilityTimeoutSeconds: 3,
    });
    await holds(t, fleet);
  });
}

// The oldest line does not support prefixes.
test.serial(
  "newest Celery: tasks, chords and remote control work with key prefixes, and every key has one",
  async (t) => {
    const fleet = await startFleet(t, "newest", {
      visibilityTimeoutSeconds: 3,
      transportOptions: { global_keyprefix: "fleet:" },
      backendTransportOptions: { global_keyprefix: "results" },
      app: { keyPrefix: "fleet:", resultKeyPrefix: "results" },
    });
    await holds(t, fleet);
    const keys = await fleet.store.keys("*");
    const notes = ["begun:killed", "done:killed"];
    t.deepEqual(
      keys.filter((key) => !key.startsWith("fleet:") && !key.startsWith("results_") && !notes.includes(key)),
      [],
    );
  },
);

test("a process that closes a connection during a wait exits", async (t) => {
  const redis = await startRedis();
  t.teardown(() => redis.remove());
  const program = fileURLToPath(new URL("close-waiting.ts", import.meta.url));
  const closing = new StartedProcess("close-waiting", process.execPath, ["--import=tsx", program, redis.url]);
  t.teardown(() => closing.killGroup());
  t.is(await closing.waitForEnd(), 0);
});
