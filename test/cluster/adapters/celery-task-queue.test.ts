import { randomUUID } from "node:crypto";
import test from "ava";
import { CeleryTaskQueue } from "../../../src/adapters/celery/task-queue.js";
import { CeleryApp, CeleryWorker } from "../../../src/celery/index.js";
import { WorkerMetrics } from "../../../src/worker/metrics.js";
import { registerTasks } from "../../../src/worker/register-tasks.js";
import { until } from "../../celery/until.js";
import { testTaskQueue } from "../../contract/task-queue.js";
import { type RedisServer, startRedis } from "../../servers/redis.js";

let server: RedisServer;
test.before(async () => {
  server = await startRedis();
});
test.after.always(() => server?.remove());

/** An application with a part of the server to itself. */
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

test("messages are what Python's workers take: queue, keywords, a span unless the task has none", async (t) => {
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

test("a queue whose server is away does not answer", async (t) => {
  const own = await startRedis();
  const app = new CeleryApp({ broker: own.url });
  const queue = new CeleryTaskQueue(app);
  t.teardown(async () => {
    await queue.close();
    await own.remove();
  });
  await queue.check(AbortSignal.timeout(10_000));
  await own.kill();
  await t.throwsAsync(queue.check(AbortSignal.timeout(300)), { message: /broker: expected an answer/ });
  await own.start();
  await until("it answers again", 10_000, () =>
    queue.check(AbortSignal.timeout(1000)).then(
      () => true as const,
      () => undefined,
    ),
  );
  t.pass();
});
