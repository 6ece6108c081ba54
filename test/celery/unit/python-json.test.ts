import test from "ava";
import { formatDate, parseDate } from "../../../src/celery/python-date.js";
import {
  dumps,
  EncodedJson,
  EncodeError,
  loads,
  MAX_READ_DEPTH,
  TypedValue,
} from "../../../src/celery/python-json.js";

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

test("typed values, big numbers and strings round-trip unchanged", (t) => {
  for (const text of [
    '{"a": [NaN, 1180591620717411303424, "\\u00e9", {"__type__": "decimal", "__value__": "1.10"}]}',
    '[-Infinity, "-Infinity", "\\\\", "\\""]',
  ]) {
    t.is(dumps(loads(text)), text);
  }
});

test("formats dates with six fractional digits and an offset, and parses them with or without", (t) => {
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

test("reads long strings and numbers, and Python's special values next to them", (t) => {
  const long = 'x\\n\\"é'.repeat(3_000_000);
  for (const value of ["NaN", "-Infinity", "1234567890123456", "12345678901234567890"]) {
    const [first, second] = loads(`["${long}", ${value}]`) as [string, unknown];
    t.is(first, 'x\n"é'.repeat(3_000_000));
    t.is(String(second), value);
  }
  const digits = `1${"0".repeat(3_000_000)}`;
  t.throws(() => loads(digits), { instanceOf: SyntaxError });
  t.is(loads(`[${digits}.5, 0.${digits}]`)?.toString(), "Infinity,0.1");
});

test("integers have up to 4,300 digits, as in Python", (t) => {
  const largest = 10n ** 4300n - 1n;
  t.is(loads(String(largest)), largest);
  t.is(loads(`-${largest}`), -largest);
  t.is(dumps(-largest), `-${largest}`);
  t.throws(() => loads(String(largest + 1n)), { instanceOf: SyntaxError });
  for (const value of [largest + 1n, -largest - 1n])
    t.throws(() => dumps(value), { instanceOf: EncodeError });
});

test("rejects values nested too deeply instead of overflowing the stack", (t) => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  for (const value of ["", "NaN", '{"__type__": "uuid", "__value__": 1}']) {
    const text = (depth: number) => `${"[".repeat(depth)}${value}${"]".repeat(depth)}`;
    const deep = text(MAX_READ_DEPTH - 1);
    t.is(dumps(loads(deep)), deep);
    t.throws(() => loads(text(MAX_READ_DEPTH + 1)), { instanceOf: SyntaxError });
    t.throws(() => loads(text(1_000_000)), { instanceOf: SyntaxError });
  }
  let deep: unknown[] = [];
  for (let n = 0; n < 100_000; n++) deep = [deep];
  t.throws(() => dumps(deep), {
    instanceOf: EncodeError,
    message: /contains itself, or is nested more than/,
  });
  t.throws(() => loads(nested(100_000).slice(0, 150_000)), { instanceOf: SyntaxError });
});

test("values that JSON cannot represent throw EncodeError", (t) => {
  const circular: Record<string, unknown> = {};
  circular["self"] = [circular];
  const endless = { toJSON: (): unknown => endless };
  const throwing = {
    toJSON() {
      throw new Error("private");
    },
  };
  for (const value of [
    circular,
    endless,
    [throwing],
    {
      a: {
        get b() {
          throw new TypeError("private");
        },
      },
    },
  ]) {
    const error = t.throws(() => dumps(value), { instanceOf: EncodeError })!;
    t.notRegex(error.message, /private/);
  }
  const wide = Array.from({ length: 30 }).reduce<unknown>((part) => [part, part], "x".repeat(10_000));
  t.throws(() => dumps(wide), { instanceOf: EncodeError, message: /characters/ });
});

test("lone surrogates round-trip, also next to values that only Python writes", (t) => {
  for (const text of [
    '"a\\ud800"',
    '["\\udc00\\ud800", NaN]',
    '["\\ud83d\\ude00\\ud83d", "\\ud83dx", "\\ud800\\n", -Infinity]',
    '["\\ud800\\ud83d\\ude00", 12345678901234567890]',
    '{"\\udfff": Infinity}',
  ]) {
    t.is(dumps(loads(text)), text);
  }
  t.is(
    dumps({ "\ud800": ["a\udc00", "😀"] }, { wellFormed: true }),
    '{"\\ufffd": ["a\\ufffd", "\\ud83d\\ude00"]}',
  );
});

test("__proto__ and constructor are treated as ordinary names", (t) => {
  for (const value of ["1", "NaN"]) {
    const text = `{"__proto__": {"a": ${value}}, "constructor": 2}`;
    const read = loads(text) as object;
    t.is(Object.getPrototypeOf(read), Object.prototype);
    t.is(dumps(read), text);
  }
});

test("only objects marked by kombu become typed values", (t) => {
  const text = '{"__type__": "uuid", "__value__": 1, "more": 2}';
  t.is(dumps(loads(text)), text);
});

test("already encoded JSON is written as is", (t) => {
  const encoded = new EncodedJson(undefined);
  t.is(encoded.text, "null");
  t.is(dumps({ result: encoded, list: [new EncodedJson({ a: 1 })] }), '{"result": null, "list": [{"a": 1}]}');
});
