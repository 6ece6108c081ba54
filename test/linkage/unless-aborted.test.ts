import { getEventListeners } from "node:events";
import test from "ava";
import { unlessAborted } from "../../src/linkage/unless-aborted.js";

const never = () => new Promise<never>(() => {});

test("settles like the promise", async (t) => {
  const { signal } = new AbortController();
  t.is(await unlessAborted(Promise.resolve(1), signal), 1);
  t.is(await unlessAborted(Promise.resolve(2), undefined), 2);
  await t.throwsAsync(unlessAborted(Promise.reject(new Error("failed")), signal), { message: "failed" });
  t.deepEqual(getEventListeners(signal, "abort"), []);
});

test("rejects with the signal's reason as soon as it aborts", async (t) => {
  const abort = new AbortController();
  const waiting = unlessAborted(never(), abort.signal);
  abort.abort(new Error("stop"));
  await t.throwsAsync(waiting, { message: "stop" });
  await t.throwsAsync(unlessAborted(never(), abort.signal), { message: "stop" });
  await t.throwsAsync(unlessAborted(Promise.resolve(1), abort.signal), { message: "stop" });
});

test("ignores a rejection after the signal has aborted", async (t) => {
  const abort = new AbortController();
  let reject = (_: Error) => {};
  const late = new Promise<never>((_, onReject) => {
    reject = onReject;
  });
  const waiting = unlessAborted(late, abort.signal);
  abort.abort(new Error("stop"));
  await t.throwsAsync(waiting, { message: "stop" });
  reject(new Error("late")); // ava fails on an unhandled rejection
  await new Promise((resolve) => setImmediate(resolve));
  t.pass();
});
