import test from "ava";
import { parseRate } from "../../../src/celery/rate.js";

test("parses rates as tasks per second", (t) => {
  t.is(parseRate("10/m"), 10 / 60);
  t.is(parseRate("0.5/s"), 0.5);
  t.is(parseRate("2/h"), 2 / 3600);
  t.is(parseRate("7"), 7);
  t.is(parseRate(" 7 /s"), 7);
  t.is(parseRate(3), 3);
  t.is(parseRate("1e2/"), 100);
  for (const none of [null, undefined, "", 0, "0", "0/m"]) t.is(parseRate(none), 0);
});

test("rejects invalid rates with Python's errors", (t) => {
  t.like(
    t.throws(() => parseRate("abc")),
    { type: "ValueError", message: "could not convert string to float: 'abc'" },
  );
  t.like(
    t.throws(() => parseRate("10/x")),
    { type: "KeyError", args: ["x"] },
  );
  for (const wrong of ["-1/s", "nan", "inf", "1e999", "/m", "1 2", [], {}]) {
    t.like(
      t.throws(() => parseRate(wrong), undefined, String(wrong)),
      { type: "ValueError" },
    );
  }
});
