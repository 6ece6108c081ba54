import test from "ava";
import type { TaskMessage } from "../../../src/celery/message.js";
import { TaskFailure } from "../../../src/celery/task-errors.js";
import { LamportClock } from "../../../src/celery/worker/clock.js";
import { EventSender, type EventSenderOptions } from "../../../src/celery/worker/events.js";
import { MemoryBroker } from "./memory-broker.js";

const message: TaskMessage = {
  headers: { task: "sums.add", id: "id1", root_id: "root", parent_id: "parent", retries: 2, expires: 1e9 },
  properties: { delivery_tag: "tag", delivery_info: { exchange: "", routing_key: "celery" } },
  args: [1, "two"],
  kwargs: { three: null },
  embed: { callbacks: null, errbacks: null, chain: null, chord: null },
};

function sender(options: Partial<EventSenderOptions> = {}) {
  const broker = new MemoryBroker();
  const clock = new LamportClock();
  const events = new EventSender(broker.asBroker(), {
    hostname: "node@host",
    clock,
    enabled: true,
    ...options,
  });
  return { broker, clock, events, sent: broker.published };
}

test("publishes events in kombu's format", (t) => {
  const { events, sent } = sender();
  const before = Date.now() / 1000;
  events.taskStarted("id1");
  const { to, envelope, body } = sent[0]!;
  t.is(to, "/0.celeryev/task.started");
  t.deepEqual(envelope["headers"], { hostname: "node@host" });
  t.like(envelope, {
    "content-type": "application/json",
    "content-encoding": "utf-8",
    properties: {
      delivery_mode: 1,
      delivery_info: { exchange: "celeryev", routing_key: "task.started" },
      priority: 0,
      body_encoding: "base64",
    },
  });
  const { timestamp, utcoffset, ...rest } = body as { timestamp: number; utcoffset: number };
  t.deepEqual(rest as object, {
    type: "task-started",
    hostname: "node@host",
    pid: process.pid,
    clock: 1,
    uuid: "id1",
  });
  t.true(timestamp >= before && timestamp <= Date.now() / 1000);
  t.true(Number.isInteger(utcoffset));
});

test("publishes the events of a task in order", (t) => {
  const { events, sent } = sender();
  events.taskSent(message.headers, { queue: "celery", exchange: "", routingKey: "celery" });
  events.taskReceived(message);
  events.taskSucceeded("id1", { sum: 3 }, 0.5);
  const failure = new TaskFailure("ValueError", ["bad", 2]);
  failure.stack = "somewhere";
  events.taskFailed("id1", failure);
  events.taskRetried("id1", failure);
  events.taskRevoked("id1", { terminated: true, signum: 15, expired: false });
  events.taskRejected("id1", true);
  const described = {
    uuid: "id1",
    name: "sums.add",
    root_id: "root",
    parent_id: "parent",
    retries: 2,
    eta: null,
    expires: "2001-09-09T01:46:40.000000+00:00",
  };
  const expected = [
    { ...described, args: "()", kwargs: "{}", queue: "celery", exchange: "", routing_key: "celery" },
    { ...described, args: "[1, 'two']", kwargs: "{'three': None}" },
    { uuid: "id1", result: "{'sum': 3}", runtime: 0.5 },
    { uuid: "id1", exception: "ValueError('bad', 2)", traceback: "somewhere" },
    { uuid: "id1", exception: "ValueError('bad', 2)", traceback: "somewhere" },
    { uuid: "id1", terminated: true, signum: 15, expired: false },
    { uuid: "id1", requeue: true },
  ];
  const types = ["sent", "received", "succeeded", "failed", "retried", "revoked", "rejected"];
  t.is(sent.length, expected.length);
  for (const [index, fields] of expected.entries()) {
    const { to, body } = sent[index]!;
    t.is(to, `/0.celeryev/task.${types[index]}`);
    const { type, hostname, timestamp, utcoffset, pid, clock, ...rest } = body;
    t.deepEqual([type, clock], [`task-${types[index]}`, index + 1]);
    t.deepEqual(rest as object, fields);
  }
});

test("shows arguments as given by the sender", (t) => {
  const { events, sent } = sender();
  const headers = {
    ...message.headers,
    argsrepr: "(1, ...)",
    kwargsrepr: "{...}",
    expires: "2030-01-01T00:00:00",
  };
  events.taskReceived({ ...message, headers });
  t.like(sent[0]?.body, { args: "(1, ...)", kwargs: "{...}", expires: "2030-01-01T00:00:00" });
});

test("task events can be disabled; worker events continue", (t) => {
  const { events, sent } = sender({ enabled: false });
  t.false(events.isEnabled);
  events.taskReceived(message);
  events.taskStarted("id1");
  events.taskSucceeded("id1", 1, 1);
  t.is(sent.length, 0);
  events.workerHeartbeat();
  t.is(sent.length, 1);
  events.enable();
  events.taskStarted("id1");
  t.is(sent.length, 2);
  events.disable();
  events.taskStarted("id1");
  t.is(sent.length, 2);
});

test("a worker sends online, heartbeat and offline events with its load", async (t) => {
  const load = { active: 2, processed: 9 };
  const { events, sent } = sender({
    heartbeatSeconds: 0.02,
    load: () => load,
    software: { name: "x", version: "1" },
  });
  events.workerOnline();
  events.startHeartbeat();
  await until(() => sent.length >= 3);
  events.stopHeartbeat();
  await events.workerOffline();
  const types = sent.map(({ body }) => body["type"]);
  t.deepEqual([types[0], types[1], types.at(-1)], ["worker-online", "worker-heartbeat", "worker-offline"]);
  t.like(sent[1]?.body, { freq: 0.02, ...load, sw_ident: "x", sw_ver: "1" });
  t.is((sent[1]!.body["loadavg"] as number[]).length, 3);
  t.is(sent[1]?.to, "/0.celeryev/worker.heartbeat");
  const count = sent.length;
  await new Promise((resolve) => setTimeout(resolve, 60));
  t.is(sent.length, count);
});

test("drops events while the server is unreachable, and announces the worker later", async (t) => {
  const { broker, events, sent, clock } = sender();
  broker.redis.status = "reconnecting";
  events.workerOnline();
  events.taskStarted("id1");
  await Promise.resolve();
  t.deepEqual([sent.length, clock.value], [0, 0]);
  broker.redis.status = "ready";
  events.workerHeartbeat();
  t.is(sent[0]?.body["type"], "worker-online");
});

test("swallows errors and limits the number of pending events", async (t) => {
  const { broker, events } = sender();
  broker.redis.publish = async () => {
    throw new Error("Connection is closed.");
  };
  events.taskStarted("id1");
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  t.notThrows(() => events.taskSucceeded("id1", cyclic, 1));
  await new Promise((resolve) => setImmediate(resolve));
  let asked = 0;
  broker.redis.publish = () => {
    asked++;
    return new Promise(() => {});
  };
  for (let i = 0; i < 1500; i++) events.taskStarted(`id${i}`);
  t.is(asked, 1000);
});

test("heartbeats can be disabled; an invalid interval is rejected", async (t) => {
  const { events, sent } = sender({ heartbeatSeconds: 0 });
  events.workerOnline();
  events.startHeartbeat();
  await events.workerOffline();
  t.is(sent.length, 0);
  for (const heartbeatSeconds of [-1, Number.NaN, 90_000])
    t.throws(() => sender({ heartbeatSeconds }), { instanceOf: RangeError });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
