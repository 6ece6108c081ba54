import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { LinkageError } from "../../../src/core/errors.js";
import { JsonScanner } from "../../../src/core/json/json-scanner.js";
import { ParsedJson } from "../../../src/linkage/uploads/parsed-json.js";
import { record } from "./recorded-json.js";

const MAX_DEPTH = 8;
/** The only messages that an error about invalid JSON may have. */
const SAFE_MESSAGE =
  /^Invalid JSON (after byte \d+: it is not UTF-8|at byte \d+: expected [\w ,{}[\]-]+ but found ([{}[\]:,"\\]|byte 0x[0-9a-f]{2}|a string|a number|true|false|null|the end of the text|a single one|one more))\.$/;

function* cut(text: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (let n = 0; from < text.length; n++) {
    const to = from + lengths[n % lengths.length]!;
    yield text.subarray(from, to);
    from = to;
  }
}

/** Compares with the core's scanner, which has its own tests. */
function check(t: ExecutionContext, text: Uint8Array, lengths: readonly number[]): void {
  const expected = record((handler) => new JsonScanner(handler, MAX_DEPTH), [text]);
  const bounds = { maxDepth: MAX_DEPTH, maxTextLength: 1000 };
  const got = record((handler) => new ParsedJson(handler, bounds), cut(text, lengths));
  if (expected instanceof LinkageError) {
    t.true(got instanceof LinkageError, expected.message);
    t.is((got as LinkageError).code, "invalid-dataset");
    t.regex((got as LinkageError).message, SAFE_MESSAGE);
  } else t.deepEqual(got, expected);
}

const lengths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });
const string = fc.string({ unit: "binary", maxLength: 24 });
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: MAX_DEPTH },
    fc.oneof(string, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.maxSafeInteger()),
    fc.constantFrom(true, false, null, "", "\ufeff", "\ufeffx", "a\ufeff", "__proto__", "length"),
    fc.array(tie("any"), { maxLength: 5 }),
    fc.dictionary(fc.oneof(string, fc.constant("__proto__")), tie("any"), { maxKeys: 4 }),
  ),
})).any;
const text = fc
  .tuple(value, fc.constantFrom(0, 1, "\t"), fc.boolean(), fc.boolean())
  .map(([content, space, isEscaped, hasMark]) => {
    const json = JSON.stringify(content, null, space);
    const escapeOf = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
    return (hasMark ? "\ufeff" : "") + (isEscaped ? json.replace(/[\u007f-\uffff]/g, escapeOf) : json);
  });

test("sound texts give the same events", (t) => {
  fc.assert(
    fc.property(text, lengths, (json, cuts) => {
      const bytes = Buffer.from(json);
      t.false(record((handler) => new JsonScanner(handler, 64), [bytes]) instanceof Error);
      check(t, bytes, cuts);
    }),
    { numRuns: 2000 },
  );
});

test("changed texts give the same events, or are refused by both", (t) => {
  const signs = [...'[]{}",:\\/ \t\n\r0123456789+-.eEtrufalsn\u0000\u001f\u007f\ufeffé😀'];
  const longer = [
    "\\u",
    "\\ud83d",
    "\\ude00",
    "\\ufeff",
    "\\x",
    "true",
    "null",
    "-0",
    "1e5",
    "01",
    "1.",
    '"":',
  ];
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.constantFrom("", "[".repeat(10), ...signs, ...longer),
  });
  fc.assert(
    fc.property(text, fc.array(change, { minLength: 1, maxLength: 3 }), lengths, (json, changes, cuts) => {
      let changed = json;
      for (const { at, remove, insert } of changes) {
        const from = at % (changed.length + 1);
        changed = changed.slice(0, from) + insert + changed.slice(from + remove);
      }
      check(t, Buffer.from(changed), cuts);
    }),
    { numRuns: 8000 },
  );
});

test("changed bytes give the same events, or are refused by both", (t) => {
  const byte = fc.oneof(
    fc.nat(255),
    fc.constantFrom(0x22, 0x5c, 0x80, 0xbf, 0xc1, 0xe0, 0xed, 0xef, 0xf4, 0xff),
  );
  const changes = fc.array(fc.tuple(fc.nat(), byte), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(text, changes, lengths, (json, bytesAt, cuts) => {
      const bytes = Buffer.from(json);
      for (const [at, changed] of bytesAt) bytes[at % bytes.length] = changed;
      check(t, bytes, cuts);
    }),
    { numRuns: 8000 },
  );
});

test("random bytes, and random signs of JSON, give the same events, or are refused by both", (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 20 }), lengths, (bytes, cuts) => check(t, bytes, cuts)),
    { numRuns: 2000 },
  );
  const sign = fc.constantFrom(
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    '"a"',
    '"b"',
    "1",
    "-2.5e3",
    "true",
    "null",
    " ",
  );
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 12 }), lengths, (signs, cuts) =>
      check(t, Buffer.from(signs.join("")), cuts),
    ),
    { numRuns: 8000 },
  );
});
