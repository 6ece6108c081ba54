import test from "ava";
import { isNetworkError, withRetries } from "../../src/adapters/with-retries.js";

const refused = () => Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const QUICK = { firstDelayMs: 1 };

test("retries a transient error and reports each attempt", async (t) => {
  const told: number[] = [];
  const action = async (attempt: number) => {
    if (attempt < 3) throw refused();
    return "done";
  };
  const result = await withRetries(action, isNetworkError, { ...QUICK, onRetry: (_, n) => told.push(n) });
  t.is(result, "done");
  t.deepEqual(told, [1, 2]);
});

test("throws a permanent error at once", async (t) => {
  let tries = 0;
  const action = async () => {
    tries++;
    throw new Error("no such table");
  };
  await t.throwsAsync(withRetries(action, isNetworkError, QUICK), { message: "no such table" });
  t.is(tries, 1);
});

test("throws the last error once the retry time is over", async (t) => {
  const action = () => Promise.reject(refused());
  await t.throwsAsync(withRetries(action, isNetworkError, { ...QUICK, maxRetryTimeMs: 30 }), {
    code: "ECONNREFUSED",
  });
});

test("an abort ends the wait with its reason", async (t) => {
  const controller = new AbortController();
  const action = async () => {
    controller.abort(new Error("enough"));
    throw refused();
  };
  const options = { firstDelayMs: 60_000, signal: controller.signal };
  await t.throwsAsync(withRetries(action, isNetworkError, options), { message: "enough" });
});

test("an AggregateError with one refused connection is a network error", (t) => {
  t.true(isNetworkError(new AggregateError([new Error("?"), refused()])));
  t.false(isNetworkError(new Error("?")));
  t.false(isNetworkError(undefined));
});
