import test from "ava";
import { formatDate, parseDate } from "../../../src/celery/python-date.js";
import { dumps, loads, TypedValue } from "../../../src/celery/python-json.js";

test("writes what Python's json.dumps writes", (t) => {
  const value = { a: [1, 2.5, null, true, "é\n😀\u007f", {}], b: { c: [] }, left: undefined };
  t.is(dumps(value), '{"a": [1, 2.5, null, true, "\\u00e9\\n\\ud83d\\ude00\\u007f", {}], "b": {"c": []}}');
  t.is(
    dumps([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2n ** 70n]),
    `[NaN, Infinity, -Infinity, ${2n ** 70n}]`,
  );
  t.is(dumps(new Uint8Array([1, 2])), "[1, 2]");
  t.is(dumps(new TypedValue("uuid", { hex: "00" })), '{"__type__": "uuid", "__value__": {"hex": "00"}}');
});

test("reads what Python's json.loads reads", (t) => {
  t.deepEqual(loads('{"a": NaN, "b": [Infinity, -Infinity], "c": "NaN 12345678901234567890"}'), {
    a: Number.NaN,
    b: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
    c: "NaN 12345678901234567890",
  });
  t.deepEqual(loads(`[${2n ** 70n}, -${2n ** 70n}, 9007199254740991, 1.5e3, 123456789012345.75]`), [
    2n ** 70n,
    -(2n ** 70n),
    9007199254740991,
    1500,
    123456789012345.75,
  ]);
  t.deepEqual(loads('"python:Infinity"'), "python:Infinity");
  t.deepEqual(loads('["python:NaN", NaN]'), ["python:NaN", Number.NaN]);
  t.deepEqual(
    loads('{"__type__": "datetime", "__value__": "2026-01-02T03:04:05"}'),
    new TypedValue("datetime", "2026-01-02T03:04:05"),
  );
  for (const text of ["", "{", "[1,]", "nan", "'a'"])
    t.throws(() => loads(text), { instanceOf: SyntaxError });
});

test("typed values, big numbers and texts go round unchanged", (t) => {
  for (const text of [
    '{"a": [NaN, 1180591620717411303424, "\\u00e9", {"__type__": "decimal", "__value__": "1.10"}]}',
    '[-Infinity, "-Infinity", "\\\\", "\\""]',
  ]) {
    t.is(dumps(loads(text)), text);
  }
});

test("dates have six digits and an offset, and are read with and without", (t) => {
  const date = new Date("2026-11-24T01:02:03.004Z");
  t.is(formatDate(date), "2026-11-24T01:02:03.004000+00:00");
  for (const text of [
    "2026-11-24T01:02:03.004000+00:00",
    "2026-11-24T01:02:03.004",
    "2026-11-24T03:02:03.004+02:00",
    "2026-11-24T01:02:03.004Z",
  ]) {
    t.is(parseDate(text), date.getTime());
  }
  for (const value of [undefined, null, 7, "soon", {}]) t.is(parseDate(value), undefined);
});
