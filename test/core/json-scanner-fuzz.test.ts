import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { LinkageError } from "../../src/core/errors.js";
import { type JsonHandler, JsonScanner } from "../../src/core/json/json-scanner.js";
import { CollectedText } from "../../src/core/json/json-text-sink.js";

const MAX_DEPTH = 8;
/** The only messages that an error about invalid JSON may have. */
const SAFE_MESSAGE =
  /^Invalid JSON at byte \d+: expected [\w ,{}[\]-]+ but found ([{}[\]:,"\\]|byte 0x[0-9a-f]{2}|the end of the text|another escape|a single one|one more)\.$/;
/** Names a property whose assignment would change the prototype instead. */
const PROTO = "__proto__";

/** Builds the value that a scanner reports, as JSON.parse does. */
class BuildingHandler implements JsonHandler {
  value: unknown;
  readonly #text = new CollectedText(1 << 12);
  readonly #open: (unknown[] | Map<string, unknown>)[] = [];
  readonly #keys: string[] = [];

  openObject = () => void this.#open.push(new Map());
  openArray = () => void this.#open.push([]);
  closeArray = () => this.#add(this.#open.pop());
  closeObject = () => this.#add(objectOf(this.#open.pop() as Map<string, unknown>));
  beginKey = () => this.#begin();
  endKey = () => void this.#keys.push(this.#text.text());
  beginString = () => this.#begin();
  endString = () => this.#add(this.#text.text());
  beginNumber = () => this.#begin();
  endNumber = () => this.#add(Number(this.#text.text()));
  literal = (text: string) => this.#add(text === "null" ? null : text === "true");

  #begin(): CollectedText {
    this.#text.clear();
    return this.#text;
  }

  #add(value: unknown): void {
    const container = this.#open.at(-1);
    if (container === undefined) this.value = value;
    else if (Array.isArray(container)) container.push(value);
    else container.set(this.#keys.pop()!, value);
  }
}

function objectOf(entries: Map<string, unknown>): object {
  const object = Object.fromEntries(entries);
  if (entries.has(PROTO))
    Object.defineProperty(object, PROTO, { value: entries.get(PROTO), enumerable: true });
  return object;
}

/** Scans chunks. Returns the value, or the error if there is one. */
function scan(chunks: Iterable<Uint8Array>): { readonly value: unknown } | LinkageError {
  const handler = new BuildingHandler();
  const scanner = new JsonScanner(handler, MAX_DEPTH);
  try {
    for (const chunk of chunks) scanner.write(chunk);
    scanner.end();
  } catch (error) {
    if (error instanceof LinkageError) return error;
    throw error;
  }
  return { value: handler.value };
}

function* cut(text: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (let n = 0; from < text.length; n++) {
    const to = from + lengths[n % lengths.length]!;
    yield text.subarray(from, to);
    from = to;
  }
}

/** The same value by JSON.parse; `undefined` if it refuses the text. */
function parse(text: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text)) };
  } catch {
    return undefined;
  }
}

/** Compares the scanner with JSON.parse, which accepts lone surrogates and any depth. */
function check(t: ExecutionContext, text: Uint8Array, lengths: readonly number[]): void {
  const whole = scan([text]);
  const got = scan(cut(text, lengths));
  const expected = parse(text);
  if (got instanceof LinkageError) {
    t.is(got.code, "invalid-dataset");
    t.is(got.message, (whole as LinkageError).message);
    t.regex(got.message, SAFE_MESSAGE);
    if (expected !== undefined) t.regex(got.message, /surrogate|nested/);
    return;
  }
  t.deepEqual(got, whole);
  t.deepEqual(got, expected);
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

test("valid input has the values that JSON.parse returns", (t) => {
  fc.assert(
    fc.property(text, lengths, (json, cuts) => {
      const bytes = Buffer.from(json);
      const outcome = scan([bytes]);
      t.true(!(outcome instanceof LinkageError) || /nested/.test(outcome.message));
      check(t, bytes, cuts);
    }),
    { numRuns: 2000 },
  );
});

test("modified input has the values that JSON.parse returns, or is rejected", (t) => {
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

test("input with modified bytes has the values that JSON.parse returns, or is rejected", (t) => {
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

test("random bytes and random JSON have the values that JSON.parse returns, or are rejected", (t) => {
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
