import test from "ava";
import { dumps } from "../../../src/celery/python-json.js";
import { LamportClock } from "../../../src/celery/worker/clock.js";
import { RemoteControl } from "../../../src/celery/worker/control.js";
import { EventSender } from "../../../src/celery/worker/events.js";
import { FakeWorker, request } from "./fake-worker.js";
import { MemoryBroker } from "./memory-broker.js";

const REPLIES = "_kombu.binding.reply.celery.pidbox";
const PIDBOX = "_kombu.binding.celery.pidbox";

async function control(worker = new FakeWorker()) {
  const broker = new MemoryBroker();
  const clock = new LamportClock();
  const events = new EventSender(broker.asBroker(), { hostname: worker.hostname, clock, enabled: false });
  const remote = new RemoteControl(broker.asBroker(), worker, events, clock);
  await broker.redis.sadd(REPLIES, "oid\x06\x16\x06\x16oid.reply.celery.pidbox");
  await remote.start();
  const subscriber = broker.subscribers[0]!;
  const send = (body: object) =>
    subscriber.emit("message", "/0.celery.pidbox", dumps({ headers: { clock: 10 }, body }));
  /** The reply to a command; `undefined` if there is none. */
  const ask = async (method: string, args: object = {}): Promise<unknown> => {
    broker.pushed.length = 0;
    const reply_to = { exchange: "reply.celery.pidbox", routing_key: "oid" };
    send({ method, arguments: args, destination: null, ticket: "t1", reply_to });
    await new Promise((resolve) => setImmediate(resolve));
    return broker.pushed[0]?.body[worker.hostname];
  };
  return { broker, clock, events, remote, subscriber, send, ask, worker };
}

const described = {
  args: [1, "two"],
  kwargs: { three: null },
  name: "sums.add",
  type: "sums.add",
  hostname: "node@host",
  acknowledged: false,
  delivery_info: { exchange: "", routing_key: "celery", priority: 0, redelivered: false },
};
const running = { ...described, id: "running", time_start: 1.5, worker_pid: 7 };
const waiting = { ...described, id: "waiting", time_start: null, worker_pid: null };
const later = { ...waiting, id: "later" };

test("listens on the control channel and stays bound to it until stopped", async (t) => {
  const { broker, remote, subscriber } = await control();
  t.deepEqual(subscriber.channels, ["/0.celery.pidbox"]);
  t.deepEqual([...broker.sets.get(PIDBOX)!], ["\x06\x16\x06\x16node@host.celery.pidbox"]);
  await remote.start();
  t.is(broker.subscribers.length, 1);
  await remote.stop();
  await remote.stop();
  t.is(subscriber.status, "end");
  t.is(broker.sets.get(PIDBOX)?.size, 0);
});

test("executes a command once if it arrives on two channels, as behind Sentinel", async (t) => {
  const { broker, subscriber } = await control();
  const reply_to = { exchange: "reply.celery.pidbox", routing_key: "oid" };
  const message = (delivery_tag: string) =>
    dumps({
      headers: {},
      properties: { delivery_tag },
      body: { method: "ping", arguments: {}, ticket: "t1", reply_to },
    });
  for (const tag of ["one", "two"]) {
    subscriber.emit("message", "/0.celery.pidbox", message(tag));
    subscriber.emit("message", "/{db}.celery.pidbox", message(tag));
  }
  await new Promise((resolve) => setImmediate(resolve));
  t.is(broker.pushed.length, 2);
});

test("replies with its name, the ticket and its clock", async (t) => {
  const { ask, broker, clock } = await control();
  t.deepEqual(await ask("ping"), { ok: "pong" });
  t.deepEqual(broker.pushed[0]?.envelope["headers"], { ticket: "t1", clock: 12 });
  t.is(clock.value, 12);
  t.deepEqual(await ask("clock"), { clock: 13 });
});

test("does not reply to commands for other workers or without a reply address", async (t) => {
  const { broker, send, subscriber } = await control();
  const reply_to = { exchange: "reply.celery.pidbox", routing_key: "oid" };
  send({ method: "ping", destination: ["other@host"], reply_to });
  send({ method: "ping", pattern: "other*", matcher: "glob", reply_to });
  send({ method: "ping" });
  send({ method: "nonsense" });
  subscriber.emit("message", "/0.celery.pidbox", "no JSON");
  await new Promise((resolve) => setImmediate(resolve));
  t.is(broker.pushed.length, 0);
});

test("reports errors as Python does", async (t) => {
  const worker = new FakeWorker();
  worker.totals = () => {
    throw new TypeError("it's broken");
  };
  const { ask } = await control(worker);
  t.deepEqual(await ask("nonsense"), { error: "KeyError('nonsense')" });
  t.deepEqual(await ask("toString"), { error: "KeyError('toString')" });
  t.deepEqual(await ask("revoke"), {
    error: `TypeError("revoke() missing 1 required positional argument: 'task_id'")`,
  });
  t.deepEqual(await ask("stats"), { error: `TypeError("it's broken")` });
  t.deepEqual(await ask("pool_restart"), { error: "ValueError('Pool restarts not enabled')" });
  t.deepEqual(await ask("autoscale", { max: 2 }), { error: "ValueError('Autoscale not enabled')" });
});

test("lists its tasks", async (t) => {
  const { ask } = await control();
  for (const method of ["active", "dump_active"]) t.deepEqual(await ask(method), [running], method);
  for (const method of ["reserved", "dump_reserved"]) t.deepEqual(await ask(method), [waiting], method);
  for (const method of ["scheduled", "dump_schedule"]) {
    t.deepEqual(
      await ask(method),
      [{ eta: "2001-09-09T01:46:40.123000+00:00", priority: 6, request: later }],
      method,
    );
  }
  for (const method of ["revoked", "dump_revoked"]) t.deepEqual(await ask(method), ["forgotten"], method);
  t.deepEqual(await ask("active", { safe: true }), [
    { ...running, args: "[1, 'two']", kwargs: "{'three': None}" },
  ]);
  t.deepEqual(await ask("query_task", { ids: ["running", "later", "gone"] }), {
    running: ["active", running],
    later: ["reserved", later],
  });
  t.deepEqual(await ask("query_task", { ids: "waiting" }), { waiting: ["reserved", waiting] });
});

test("lists its registered tasks and queues", async (t) => {
  const { ask } = await control();
  for (const method of ["registered", "registered_tasks", "dump_tasks"]) {
    t.deepEqual(await ask(method), ["sums.add", "sums.sub"], method);
  }
  t.deepEqual(await ask("registered", { builtins: true }), ["celery.chord", "sums.add", "sums.sub"]);
  const queues = (await ask("active_queues")) as Record<string, unknown>[];
  t.deepEqual(
    queues.map(({ name }) => name),
    ["celery", "fast"],
  );
  t.like(queues[0], { routing_key: "celery", exchange: { name: "celery", type: "direct" }, durable: true });
});

test("reports its stats and settings without passwords", async (t) => {
  const { ask } = await control();
  t.like(await ask("stats"), {
    total: { "sums.add": 3 },
    pid: process.pid,
    clock: "11",
    uptime: 13,
    pool: { "max-concurrency": 2, processes: [7, 8] },
    broker: { hostname: "host", transport: "redis" },
    prefetch_count: 8,
  });
  const settings = { broker_url: "redis://:********@host/0", result_expires: 60, redis_password: "********" };
  for (const method of ["conf", "dump_conf"]) t.deepEqual(await ask(method), settings, method);
  const { ok: report } = (await ask("report")) as { ok: string };
  t.regex(report, /software -> js-celery/);
  t.regex(report, /result_expires: 60/);
  t.notRegex(report, /secret/);
});

test("replies to another worker's hello with revoked ids, and merges the received ones", async (t) => {
  const { ask, worker } = await control();
  for (const [revoked, ids] of [
    [
      ["a", "b"],
      ["a", "b"],
    ], // Celery ≥ 5.7
    [{ a: [5.5, "a"], b: 6.5 }, ["a", "b"]], // older versions
    [null, []],
  ]) {
    worker.told.length = 0;
    t.like(await ask("hello", { from_node: "other@host", revoked }), { revoked: ["forgotten"] });
    t.deepEqual(worker.told, [["mergeRevoked", ids]]);
  }
  worker.told.length = 0;
  t.is(await ask("hello", { from_node: "node@host", revoked: ["c"] }), null);
  t.deepEqual(worker.told, []);
});

test("revokes and terminates tasks", async (t) => {
  const { ask, worker } = await control();
  t.deepEqual(await ask("revoke", { task_id: "a" }), { ok: "tasks {'a'} flagged as revoked" });
  t.deepEqual(await ask("revoke", { task_id: ["a", "b", "a"] }), {
    ok: "tasks {'a', 'b'} flagged as revoked",
  });
  t.deepEqual(await ask("revoke", { task_id: [] }), { ok: "tasks set() flagged as revoked" });
  const ids = ["running", "later", "gone"];
  t.deepEqual(await ask("revoke", { task_id: ids, terminate: true, signal: 9 }), {
    ok: "terminate: running, later",
  });
  t.deepEqual(await ask("terminate", { task_id: ["gone"], signal: "INT" }), {
    ok: "terminate: tasks unknown",
  });
  t.deepEqual(worker.told, [
    ["revoke", ["a"], { terminate: false, signal: "SIGTERM" }],
    ["revoke", ["a", "b"], { terminate: false, signal: "SIGTERM" }],
    ["revoke", [], { terminate: false, signal: "SIGTERM" }],
    ["revoke", ids, { terminate: true, signal: "SIGKILL" }],
    ["revoke", ["gone"], { terminate: true, signal: "SIGINT" }],
  ]);
  worker.told.length = 0;
  const withSignal = (signal: unknown) => ask("revoke", { task_id: "a", terminate: true, signal });
  t.deepEqual(await withSignal("kill"), { error: "TypeError('signal name must be uppercase string.')" });
  t.deepEqual(await withSignal("FOO"), {
    error: `AttributeError("module 'signal' has no attribute 'SIGFOO'")`,
  });
  t.deepEqual(await withSignal(999), { error: "ValueError('999 is not a valid Signals')" });
  t.deepEqual(worker.told, []);
});

test("revokes tasks by stamped headers", async (t) => {
  const { ask, worker } = await control();
  const revoke = (headers: unknown, terminate = false) =>
    ask("revoke_by_stamped_headers", { headers, terminate });
  t.deepEqual(await revoke({ batch: ["b1"] }), {
    ok: "headers {'batch': ['b1']} flagged as revoked, but not terminated",
  });
  t.deepEqual(await revoke({ batch: "b2", other: "b1" }, true), { ok: "headers {'batch': ['b2']} revoked" });
  t.deepEqual(await revoke(["batch=b3"], true), { ok: "headers {'batch': ['b3']} were not terminated" });
  t.deepEqual(await revoke(["batch"]), { error: "IndexError('list index out of range')" });
  t.deepEqual(worker.told, [
    ["revokeByStampedHeaders", { batch: ["b1"] }, { terminate: false, signal: "SIGTERM" }],
    ["revokeByStampedHeaders", { batch: ["b2"], other: ["b1"] }, { terminate: true, signal: "SIGTERM" }],
    ["revokeByStampedHeaders", { batch: ["b3"] }, { terminate: true, signal: "SIGTERM" }],
  ]);
});

test("sets rate limits and time limits", async (t) => {
  const { ask, worker } = await control();
  const limit = (rate_limit: unknown, task_name = "sums.add") => ask("rate_limit", { task_name, rate_limit });
  t.deepEqual(await limit("10/m"), { ok: "new rate limit set successfully" });
  t.deepEqual(await limit(0), { ok: "rate limit disabled successfully" });
  t.deepEqual(await limit("1/s", "none"), { error: "unknown task" });
  t.deepEqual(await limit("1/x"), { error: "KeyError('x')" });
  t.deepEqual(await limit("abc"), {
    error: `Invalid rate limit string: ValueError("could not convert string to float: 'abc'")`,
  });
  t.deepEqual(await ask("time_limit", { task_name: "sums.add", soft: 5, hard: 9.5 }), {
    ok: "time limits set successfully",
  });
  t.deepEqual(await ask("time_limit", { task_name: "sums.add", soft: null }), {
    ok: "time limits set successfully",
  });
  t.deepEqual(await ask("time_limit", { task_name: "none" }), { error: "unknown task" });
  t.deepEqual(await ask("time_limit", { task_name: "sums.add", hard: "9" }), {
    error: "TypeError('a time limit must be a number of seconds')",
  });
  t.deepEqual(worker.told, [
    ["setRateLimit", "sums.add", 10 / 60],
    ["setRateLimit", "sums.add", 0],
    ["setTimeLimits", "sums.add", 9.5, 5],
    ["setTimeLimits", "sums.add", null, null],
  ]);
});

test("resizes the pool, changes queues and shuts down", async (t) => {
  const { ask, worker } = await control();
  t.deepEqual(await ask("pool_grow", { n: 2 }), { ok: "pool will grow" });
  t.deepEqual(await ask("pool_shrink"), { ok: "pool will shrink" });
  for (const n of [-1, 1.5, 1e9, "2"]) {
    t.deepEqual(await ask("pool_grow", { n }), {
      error: "ValueError('n must be a whole number from 0 to 1000.')",
    });
  }
  t.deepEqual(await ask("add_consumer", { queue: "fast" }), { ok: "add consumer fast" });
  t.deepEqual(await ask("cancel_consumer", { queue: "fast" }), { ok: "no longer consuming from fast" });
  t.deepEqual(await ask("add_consumer", { queue: "" }), {
    error: `TypeError("add_consumer() argument 'queue' must be a str that is not empty")`,
  });
  t.is(await ask("election", { id: "1", topic: "task" }), null);
  t.is(await ask("shutdown"), undefined);
  t.deepEqual(worker.told, [
    ["resizePool", 2],
    ["resizePool", -1],
    ["addConsumer", "fast"],
    ["cancelConsumer", "fast"],
    ["shutdown"],
  ]);
});

test("enables and disables events, and sends heartbeats", async (t) => {
  const { ask, broker, events } = await control();
  t.deepEqual(await ask("disable_events"), { ok: "task events already disabled" });
  t.deepEqual(await ask("enable_events"), { ok: "task events enabled" });
  t.true(events.isEnabled);
  t.deepEqual(await ask("enable_events"), { ok: "task events already enabled" });
  t.deepEqual(await ask("disable_events"), { ok: "task events disabled" });
  t.is(broker.published.length, 0);
  t.is(await ask("heartbeat"), null);
  t.is(broker.published.length, 1);
});

test("limits the number of pending replies", async (t) => {
  const { broker, send } = await control();
  let asked = 0;
  broker.redis.smembers = () => {
    asked++;
    return new Promise(() => {});
  };
  const reply_to = { exchange: "reply.celery.pidbox", routing_key: "oid" };
  for (let i = 0; i < 150; i++) send({ method: "ping", reply_to });
  t.is(asked, 100);
});

test("stamps do not match a request without stamps", async (t) => {
  const worker = new FakeWorker();
  worker.active = () => [request("running") as ReturnType<FakeWorker["active"]>[number]];
  const { ask } = await control(worker);
  t.deepEqual(await ask("revoke_by_stamped_headers", { headers: { batch: "b1" }, terminate: true }), {
    ok: "headers {'batch': ['b1']} were not terminated",
  });
});
