import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { StoreWatch } from "../../src/worker/store-watch.js";
import { until } from "../celery/until.js";
import { collectGarbage } from "../collect-garbage.js";

const CHECK_MS = 50;

/** Resolves once a watch has made `wanted` checks; collects garbage repeatedly until then. */
async function untilAsked(count: () => number, wanted: number): Promise<void> {
  for (let n = 0; count() < wanted; n++) {
    if (n === 3000) throw new Error(`waited in vain for question ${wanted}`);
    collectGarbage();
    await pause(10);
  }
}

test("a store that never responds is checked again after a timeout", async (t) => {
  let asked = 0;
  let given = 0;
  const reasons: string[] = [];
  const check = (signal: AbortSignal) => {
    asked++;
    return new Promise<void>(() => signal.addEventListener("abort", () => given++));
  };
  const watch = new StoreWatch(
    { silent: check, quick: async () => {} },
    {
      onFailure: (store, reason) => reasons.push(`${store}: ${reason}`),
      onChange: () => t.fail("it is not ready"),
    },
    CHECK_MS,
  );
  watch.start();
  await untilAsked(() => asked, 3);
  t.true(given >= 2, "each check was told to end");
  t.deepEqual([...new Set(reasons)], ["silent: TimeoutError"]);
  t.deepEqual(watch.states, { silent: false, quick: true });
  t.false(watch.areReady);
  watch.stop();
});

test("becomes ready once every store has responded", async (t) => {
  let asked = 0;
  const reasons: string[] = [];
  const check = async () => {
    if (++asked < 3) throw Object.assign(new Error("secret"), { code: "ECONNREFUSED" });
  };
  const changes: boolean[] = [];
  const watch = new StoreWatch(
    { late: check, quick: async () => {} },
    {
      onFailure: (...told) => reasons.push(told.join()),
      onChange: (areReady) => changes.push(areReady),
    },
  );
  t.teardown(() => watch.stop());
  watch.start();
  await until("the stores", 120_000, () => watch.areReady || undefined);
  t.deepEqual(changes, [true]);
  t.deepEqual(reasons, ["late,ECONNREFUSED", "late,ECONNREFUSED"]);
});

test("detects a store that stops responding, and its recovery", async (t) => {
  let isSilent = false;
  const check = () => (isSilent ? new Promise<void>(() => {}) : Promise.resolve());
  const changes: boolean[] = [];
  const watch = new StoreWatch(
    { store: check, quick: async () => {} },
    { onFailure: () => {}, onChange: (areReady) => changes.push(areReady) },
    CHECK_MS,
  );
  t.teardown(() => watch.stop());
  watch.start();
  await until("the store", 120_000, () => watch.areReady || undefined);
  isSilent = true;
  await until("the silence", 120_000, () => !watch.areReady || undefined);
  t.deepEqual(watch.states, { store: false, quick: true });
  isSilent = false;
  await until("the return", 120_000, () => watch.areReady || undefined);
  t.deepEqual(changes, [true, false, true]);
});
