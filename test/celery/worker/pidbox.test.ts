import test from "ava";
import { dumps } from "../../../src/celery/python-json.js";
import { LamportClock } from "../../../src/celery/worker/clock.js";
import { decodeControlMessage, sendReply } from "../../../src/celery/worker/pidbox.js";
import { MemoryBroker } from "./memory-broker.js";

const body = {
  method: "ping",
  arguments: { a: 1 },
  destination: ["node@host"],
  pattern: null,
  matcher: null,
  ticket: "t1",
  reply_to: { exchange: "reply.celery.pidbox", routing_key: "oid" },
};
const command = {
  deliveryTag: "d1",
  method: "ping",
  arguments: { a: 1 },
  destination: ["node@host"],
  pattern: null,
  matcher: null,
  replyTo: { exchange: "reply.celery.pidbox", routingKey: "oid", ticket: "t1" },
  clock: 5,
};
const properties = { delivery_tag: "d1" };
const envelope = { "content-type": "application/json", headers: { clock: 5 }, properties };

test("reads commands with base64 or plain bodies", (t) => {
  const encoded = Buffer.from(dumps(body)).toString("base64");
  const inBase64 = { ...envelope, properties: { ...properties, body_encoding: "base64" } };
  t.deepEqual(decodeControlMessage(dumps({ ...inBase64, body: encoded })), command);
  t.deepEqual(decodeControlMessage(dumps({ ...envelope, body: dumps(body) })), command);
  t.deepEqual(decodeControlMessage(dumps({ ...envelope, body })), command);
});

test("reads a command with missing or invalid fields", (t) => {
  t.deepEqual(decodeControlMessage(dumps({ body: { method: "ping" } })), {
    deliveryTag: undefined,
    method: "ping",
    arguments: {},
    destination: [],
    pattern: undefined,
    matcher: undefined,
    replyTo: undefined,
    clock: undefined,
  });
  const odd = {
    method: "ping",
    arguments: [1],
    destination: "node@host",
    reply_to: { exchange: 1, routing_key: "x" },
  };
  t.like(decodeControlMessage(dumps({ body: odd })), {
    arguments: {},
    destination: ["node@host"],
    replyTo: undefined,
  });
});

test("ignores messages that are not JSON commands", (t) => {
  for (const raw of ["", "{", "null", "[]", "5", "{}", '{"body": "x"}', '{"body": {"method": 5}}']) {
    t.is(decodeControlMessage(raw), undefined, raw);
  }
  const pickled = dumps({ ...envelope, "content-type": "application/x-python-serialize", body });
  t.is(decodeControlMessage(pickled), undefined);
  t.is(decodeControlMessage(dumps({ ...envelope, body }).padEnd(16 * 2 ** 20 + 1)), undefined);
});

test("replies only to bound queues, with an expiry", async (t) => {
  const broker = new MemoryBroker();
  const address = { exchange: "reply.celery.pidbox", routingKey: "oid", ticket: "t1" };
  const clock = new LamportClock();
  const send = () => sendReply(broker.asBroker(), clock, address, "node@host", { ok: "pong" });
  t.is(await send(), 0);
  t.is(broker.pushed.length, 0);
  for (const oid of ["oid", "other"]) {
    const member = `${oid}\x06\x16\x06\x16${oid}.reply.celery.pidbox`;
    await broker.redis.sadd("_kombu.binding.reply.celery.pidbox", member);
  }
  t.is(await send(), 1);
  t.is(broker.pushed.length, 1);
  t.like(broker.pushed[0], {
    to: "oid.reply.celery.pidbox",
    body: { "node@host": { ok: "pong" } },
    envelope: { "content-type": "application/json", headers: { ticket: "t1", clock: 1 } },
  });
  t.is(broker.expiries.get("oid.reply.celery.pidbox"), 60);
});
