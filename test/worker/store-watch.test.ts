import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { StoreWatch } from "../../src/worker/store-watch.js";
import { collectGarbage } from "../collect-garbage.js";

const CHECK_MS = 50;

/** Resolves once a watch has asked so often; until then, memory is freed again and again. */
async function untilAsked(count: () => number, wanted: number): Promise<void> {
  for (let n = 0; count() < wanted; n++) {
    if (n === 3000) throw new Error(`waited in vain for question ${wanted}`);
    collectGarbage();
    await pause(10);
  }
}

test("a store that never answers is asked again, and ends no wait", async (t) => {
  let asked = 0;
  let given = 0;
  const reasons: string[] = [];
  const check = (signal: AbortSignal) => {
    asked++;
    return new Promise<void>(() => signal.addEventListener("abort", () => given++));
  };
  const watch = new StoreWatch(
    { silent: check, quick: async () => {} },
    (store, reason) => reasons.push(`${store}: ${reason}`),
    CHECK_MS,
  );
  void watch.waitUntilReady().then(() => t.fail("it is not ready"));
  await untilAsked(() => asked, 3);
  t.true(given >= 2, "each check was told to end");
  t.deepEqual([...new Set(reasons)], ["silent: TimeoutError"]);
  t.deepEqual(watch.states, { silent: false, quick: true });
  t.false(watch.areReady);
  watch.stop();
});

test("it is ready once each store has answered, however late", async (t) => {
  let asked = 0;
  const reasons: string[] = [];
  const check = async () => {
    if (++asked < 3) throw Object.assign(new Error("secret"), { code: "ECONNREFUSED" });
  };
  const watch = new StoreWatch({ late: check, quick: async () => {} }, (...told) =>
    reasons.push(told.join()),
  );
  await watch.waitUntilReady();
  t.true(watch.areReady);
  t.deepEqual(reasons, ["late,ECONNREFUSED", "late,ECONNREFUSED"]);
});
