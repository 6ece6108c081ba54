import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { CeleryTaskQueue } from "../../../src/adapters/celery/task-queue.js";
import { CeleryApp, CeleryWorker, TaskFailure } from "../../../src/celery/index.js";
import { WorkerMetrics } from "../../../src/worker/metrics.js";
import { registerTasks } from "../../../src/worker/register-tasks.js";
import { startFleet } from "../../celery/fleet.js";
import { PYTHON_LINES } from "../../celery/python-celery.js";
import { until } from "../../celery/until.js";
import { testTaskQueue } from "../../contract/task-queue.js";
import { type RedisServer, startRedis } from "../../servers/redis.js";

let server: RedisServer;
test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server?.remove());

/** An application with its own key prefix on the server. */
function openApp() {
  const name = randomUUID();
  return new CeleryApp({
    broker: server.url,
    keyPrefix: `${name}:`,
    resultKeyPrefix: `${name}:`,
    routes: [["test.tasks.square", "compute"]],
  });
}

testTaskQueue(test, async (t, definitions) => {
  const app = openApp();
  registerTasks(app, definitions, new WorkerMetrics(() => true));
  const worker = new CeleryWorker(app, { queues: ["celery", "compute"], startPaused: true });
  await worker.start();
  const queue = new CeleryTaskQueue(app, { queues: ["celery", "compute"] });
  t.teardown(async () => {
    await worker.stop();
    await queue.close();
  });
  return { queue, start: () => worker.resume() };
});

test("sends messages that Python workers accept: queue, keyword arguments, parent span", async (t) => {
  const app = openApp();
  const queue = new CeleryTaskQueue(app);
  t.teardown(() => queue.close());
  const names = ["test.tasks.square", "a.b.solver_task", "a.b.run_failed_handler"];
  for (const name of names) {
    await queue.send({
      name,
      parameters: { run_id: "r" },
      onError: { name: "a.b.run_failed_handler", parameters: { run_id: "r" } },
    });
  }
  const messages = [];
  for (const list of ["celery", "compute"]) {
    const raw = await app.broker.redis.lrange(app.broker.keys.queue(list), 0, -1);
    messages.push(...raw.map((text) => ({ list, ...JSON.parse(text) })));
  }
  t.is(await queue.depth(), 3);
  for (const { list, headers, body } of messages) {
    const [args, kwargs, embed] = JSON.parse(Buffer.from(body, "base64").toString());
    t.is(list, headers.task === "test.tasks.square" ? "compute" : "celery");
    t.deepEqual(args, []);
    const span = headers.task.endsWith("run_failed_handler") ? {} : { parent_span: {} };
    t.deepEqual(kwargs, { run_id: "r", ...span });
    t.like(embed.errbacks[0], { task: "a.b.run_failed_handler", kwargs: { run_id: "r" }, immutable: false });
    t.true(headers.ignore_result);
  }
});

test("check() fails while the server is down and succeeds after a restart", async (t) => {
  const own = await startRedis();
  const app = new CeleryApp({ broker: own.url });
  const queue = new CeleryTaskQueue(app);
  t.teardown(async () => {
    await queue.close();
    await own.remove();
  });
  await queue.check(AbortSignal.timeout(120_000));
  await own.kill();
  await t.throwsAsync(queue.check(AbortSignal.timeout(300)), { message: /broker did not answer/ });
  await own.start();
  await until("it answers again", 120_000, () =>
    queue.check(AbortSignal.timeout(5000)).then(
      () => true as const,
      () => undefined,
    ),
  );
  t.pass();
});

/** The task ids of all waiting messages. */
async function waiting(app: CeleryApp): Promise<string[]> {
  const lists = ["celery", "compute"].flatMap((queue) => app.broker.keys.queueLists(queue));
  const raw = await Promise.all(lists.map((list) => app.broker.redis.lrange(list, 0, -1)));
  return raw.flat().map((text) => JSON.parse(text).headers.id as string);
}

const partId = (n: number) => `3f0c0f6e-0000-8000-8000-${String(n).padStart(12, "0")}`;
const squares = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    name: "test.tasks.square",
    parameters: { value: n },
    id: partId(n),
    priority: n % 10,
  }));
const GROUP = "3f0c0f6e-0000-8000-8000-0000000000cc";
const collect = {
  name: "test.tasks.collect",
  parameters: {},
  id: "3f0c0f6e-0000-8000-8000-0000000000dd",
  onError: { name: "a.b.run_failed_handler", parameters: { run_id: "r" } },
};

/** A queue, and a worker that is not started yet. */
function openQueue(t: ExecutionContext, { sharesServer = true } = {}) {
  const name = randomUUID();
  const app = new CeleryApp({
    broker: server.url,
    ...(sharesServer ? {} : { backend: `${server.url}?another` }),
    keyPrefix: `${name}:`,
    resultKeyPrefix: `${name}:`,
    routes: [["test.tasks.square", "compute"]],
  });
  const queue = new CeleryTaskQueue(app, { queues: ["celery", "compute"] });
  const done: string[] = [];
  const collected: unknown[] = [];
  app.task("test.tasks.square", { parameters: ["value", "parent_span?"] }, ({ value }, { id }) => {
    done.push(id);
    return Number(value) ** 2;
  });
  app.task("test.tasks.collect", { parameters: ["results", "parent_span?"] }, ({ results }) => {
    collected.push(results);
  });
  const worker = new CeleryWorker(app, { queues: ["celery", "compute"], concurrency: 4 });
  t.teardown(async () => {
    await worker.kill();
    await queue.close();
  });
  return { app, queue, worker, done, collected };
}

test("concurrent sends of a call with an id enqueue it once", async (t) => {
  const { app, queue } = openQueue(t);
  const [call] = squares(1);
  await Promise.all(Array.from({ length: 20 }, () => queue.send(call!)));
  t.deepEqual(await waiting(app), [call!.id]);
});

for (const sharesServer of [true, false]) {
  const title = sharesServer ? "" : ", with results in another store";
  test(`concurrent senders of a chord send each part once${title}`, async (t) => {
    const { app, queue, worker, done, collected } = openQueue(t, { sharesServer });
    await Promise.all(Array.from({ length: 5 }, () => queue.sendChord(squares(350), collect, GROUP)));
    const ids = squares(350).map(({ id }) => id);
    t.deepEqual((await waiting(app)).sort(), ids);
    await worker.start();
    await until("the chord's end", 120_000, async () => (collected.length > 0 ? true : undefined));
    t.deepEqual(done.sort(), ids);
    t.deepEqual(collected, [squares(350).map((_, n) => n ** 2)]);
  });
}

test("the next sender completes a chord whose sender died", async (t) => {
  const { app, queue, worker, done, collected } = openQueue(t);
  function* dying() {
    yield* squares(250);
    throw new Error("killed");
  }
  await t.throwsAsync(queue.sendChord(dying(), collect, GROUP), { message: "killed" });
  t.is((await waiting(app)).length, 200, "whole batches");
  await worker.start();
  await until("these are done", 120_000, async () => (done.length === 200 ? true : undefined));
  await queue.sendChord(squares(350), collect, GROUP);
  await until("the chord's end", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.deepEqual(
    done.sort(),
    squares(350).map(({ id }) => id),
  );
  t.deepEqual(collected, [squares(350).map((_, n) => n ** 2)]);
});

test("resends lost parts of a chord, but not waiting or held ones", async (t) => {
  const { app, queue, worker, done, collected } = openQueue(t);
  const { redis, keys } = app.broker;
  await queue.sendChord(squares(40), collect, GROUP);
  const list = keys.queue("compute", 0);
  const held = await app.broker.claim(["compute"]);
  t.truthy(held);
  await redis.lpop(list); // like a Python worker that dies before it records the message it took
  const lost = squares(40)
    .map(({ id }) => id)
    .filter((id) => !held!.raw!.includes(id));
  const left = new Set(await waiting(app));
  t.is(left.size, 38);
  await Promise.all(Array.from({ length: 5 }, () => queue.sendChord(squares(40), collect, GROUP)));
  t.deepEqual((await waiting(app)).sort(), lost);
  t.is(new Set(await waiting(app)).size, 39);
  await app.broker.putBack(held!.tag);
  await worker.start();
  await until("the chord's end", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.is(done.length, 40);
});

/** Sends a chord of three parts and stores their results, without a worker that counts them. */
async function sendChordOfDoneParts({ backend, broker }: CeleryApp, queue: CeleryTaskQueue): Promise<void> {
  await queue.sendChord(squares(3), collect, GROUP);
  for (const [n, part] of squares(3).entries()) await backend.storeSuccess({ id: part.id }, n ** 2);
  for (const name of await broker.redis.keys(`${broker.keys.prefix}compute*`)) await broker.redis.del(name);
}

test("sends the lost callback of a chord whose parts are done", async (t) => {
  const { app, queue, worker, collected } = openQueue(t);
  await sendChordOfDoneParts(app, queue);
  await Promise.all([1, 2, 3].map(() => queue.sendChord(squares(3), collect, GROUP)));
  await worker.start();
  await until("the callback is done", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.deepEqual(collected, [[0, 1, 4]]);
  t.deepEqual(await queue.chordParts(GROUP), [
    { id: partId(0), state: "done", result: 0 },
    { id: partId(1), state: "done", result: 1 },
    { id: partId(2), state: "done", result: 4 },
  ]);
  await queue.removeChord(GROUP);
  t.is(await queue.chordParts(GROUP), undefined);
});

test("sends the callback of a chord that counts as failed although its parts are done", async (t) => {
  const { app, queue, worker, collected } = openQueue(t);
  await sendChordOfDoneParts(app, queue);
  const { id } = collect;
  t.false(await queue.hasChordFailed(id));
  await app.backend.storeFailure({ id }, new TaskFailure("ValueError", ["its own"]));
  t.false(await queue.hasChordFailed(id));
  await app.backend.storeFailure({ id }, new TaskFailure("ChordError", ["counted"], "celery.exceptions"));
  t.true(await queue.hasChordFailed(id));
  await queue.sendChord(squares(3), collect, GROUP);
  await worker.start();
  await until("the callback is done", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.deepEqual(collected, [[0, 1, 4]]);
});

test("resends a part that failed once, and completes the chord", async (t) => {
  const { app, queue, worker, collected } = openQueue(t);
  await sendChordOfDoneParts(app, queue);
  const lost = new TaskFailure("ConnectionError", ["closed"], "redis.exceptions");
  const states = async () => (await queue.chordParts(GROUP))!.map(({ state }) => state);
  await app.backend.redis.del(app.backend.resultKey(partId(1)));
  await app.backend.storeFailure({ id: partId(1) }, lost);
  t.deepEqual(await states(), ["done", "failed", "done"]);
  await queue.forgetFirstFailures(GROUP);
  t.deepEqual(await states(), ["done", "unfinished", "done"]);
  await queue.sendChord(squares(3), collect, GROUP);
  await worker.start();
  await until(
    "the part's result",
    120_000,
    async () => !(await states()).includes("unfinished") || undefined,
  );
  await queue.sendChord(squares(3), collect, GROUP); // as after a lost task
  await until("the callback is done", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.deepEqual(collected, [[0, 1, 4]]);

  await app.backend.redis.del(app.backend.resultKey(partId(1)));
  await app.backend.storeFailure({ id: partId(1) }, lost);
  await queue.forgetFirstFailures(GROUP);
  t.deepEqual(await states(), ["done", "failed", "done"], "a second failure is final");
  await queue.removeChord(GROUP);
  t.deepEqual(await app.broker.redis.keys("*failed-before*"), []);
});

test("a part counted twice by a Python worker does not end the chord early", async (t) => {
  const { app, queue, worker, collected } = openQueue(t);
  await queue.sendChord(squares(3), collect, GROUP);
  const { parts } = app.backend.groupKeys(GROUP);
  // As Celery before 5.7 leaves it when a task runs twice with different results.
  for (const result of [100, 200]) {
    await app.backend.redis.zadd(parts, "0", `[1, "${partId(0)}", "SUCCESS", ${result}]`);
  }
  const first = (await app.broker.redis.lrange(app.broker.keys.queue("compute", 0), 0, -1)).find((raw) =>
    raw.includes(partId(0)),
  );
  await app.broker.redis.lrem(app.broker.keys.queue("compute", 0), 1, first!);
  await worker.start();
  await until("the chord's end", 120_000, async () => (collected.length > 0 ? true : undefined));
  t.deepEqual(collected, [[100, 1, 4]]);
});

test("reports runs and projects with waiting or running tasks as busy", async (t) => {
  const { app, queue } = openQueue(t);
  const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(48)) as [string, string, string];
  await queue.send({ name: "test.tasks.square", parameters: { run_id: a } });
  await queue.send({ name: "test.tasks.square", parameters: { nested: [{ project_id: b }] } });
  t.truthy(await app.broker.claim(["compute"]));
  t.deepEqual(await queue.findBusy(new Set([a, b, c])), new Set([a, b]));
  t.deepEqual(await queue.findBusy(new Set()), new Set());
});

for (const line of PYTHON_LINES) {
  test(`${line} Celery: a hung Python task keeps its run busy only while the worker may own it`, async (t) => {
    const fleet = await startFleet(t, line);
    const queue = new CeleryTaskQueue(fleet.app, { queues: ["late", "early"] });
    const [late, early] = ["a".repeat(48), "b".repeat(48)] as [string, string];
    for (const [name, runId, isLate] of [
      ["late", late, true],
      ["early", early, false],
    ] as const) {
      await fleet.pythonWorker({ name, queues: [name], settings: { task_acks_late: isLate } });
      await fleet.app.send("tasks.slow", [runId, 600], {}, { queue: name });
      await fleet.notes(`begun:${runId}`, 1);
    }
    const both = new Set([late, early]);
    t.deepEqual(await queue.findBusy(both), both);
    // As if the message had been put back, and acknowledged by another worker that ran it.
    await fleet.store.del(fleet.app.broker.keys.unacked, fleet.app.broker.keys.unackedIndex);
    t.deepEqual(await queue.findBusy(both), new Set([early]), "an acknowledged task is nowhere else");
  });
}

test("only one of several senders resends a lost task, and its follower can be sent again", async (t) => {
  const { app, queue } = openQueue(t);
  const [call, follower] = squares(2);
  await queue.send(call!);
  await queue.send(follower!);
  await app.broker.redis.del(...app.broker.keys.queueLists("compute"));
  const sent = await Promise.all(Array.from({ length: 10 }, () => queue.sendAgain(call!, [follower!.id])));
  t.is(sent.filter(Boolean).length, 1);
  t.deepEqual(await waiting(app), [call!.id]);
  await Promise.all([queue.send(follower!), queue.send(follower!)]);
  t.deepEqual((await waiting(app)).sort(), [call!.id, follower!.id]);
});
