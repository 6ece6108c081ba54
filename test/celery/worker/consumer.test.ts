import test from "ava";
import type { CeleryBroker } from "../../../src/celery/broker.js";
import { BrokerKeys } from "../../../src/celery/broker-keys.js";
import type { ClaimedMessage } from "../../../src/celery/claimed-message.js";
import { Consumer } from "../../../src/celery/worker/consumer.js";
import { until } from "../until.js";

/** A broker whose claims resolve when the test decides. */
function brokerWith(claim: () => Promise<ClaimedMessage | undefined>, status = "ready") {
  const broker = {
    redis: { status },
    keys: new BrokerKeys({}, 0),
    claim,
    hasMessage: async () => false,
    waitForMessage: () => new Promise<boolean>(() => {}),
    connect: () => ({ disconnect: () => {}, options: {} }),
    endClaims: async () => {},
  };
  return { broker: broker as unknown as CeleryBroker, redis: broker.redis };
}

const wait = (consumer: Consumer, ms: number) =>
  until(`a standstill of ${ms} ms`, 120_000, () => consumer.standstillMs > ms || undefined);

test("reports a standstill if a claim never resolves on a ready connection", async (t) => {
  const { broker } = brokerWith(() => new Promise(() => {}));
  const consumer = new Consumer(
    broker,
    ["celery"],
    () => true,
    () => {},
  );
  t.is(consumer.standstillMs, 0);
  consumer.start();
  await wait(consumer, 2500);
  void consumer.stop();
  t.is(consumer.standstillMs, 0);
});

test("reports no standstill while full, idle or disconnected", async (t) => {
  const full = new Consumer(
    brokerWith(async () => undefined).broker,
    ["celery"],
    () => false,
    () => {},
  );
  const idle = new Consumer(
    brokerWith(async () => undefined).broker,
    ["celery"],
    () => true,
    () => {},
  );
  const { broker, redis } = brokerWith(() => new Promise(() => {}), "reconnecting");
  const cut = new Consumer(
    broker,
    ["celery"],
    () => true,
    () => {},
  );
  let longest = 0;
  let longestGap = 0; // this process itself may stand still
  let polled = Date.now();
  for (const consumer of [full, idle, cut]) consumer.start();
  const end = Date.now() + 4000; // the measured time
  await until("the end", 120_000, () => {
    longest = Math.max(longest, ...[full, idle, cut].map((consumer) => consumer.standstillMs));
    longestGap = Math.max(longestGap, Date.now() - polled);
    polled = Date.now();
    return Date.now() > end || undefined;
  });
  t.true(longest < 3500 + longestGap, `${longest} ms`);
  redis.status = "ready"; // and the claim is still not answered
  await wait(cut, 2500);
  for (const consumer of [full, idle]) await consumer.stop();
  void cut.stop();
});
