import test from "ava";
import { LinkageError } from "../../../src/core/errors.js";
import { type JsonBounds, ParsedJson } from "../../../src/linkage/uploads/parsed-json.js";
import { record } from "./recorded-json.js";

const BOUNDS: JsonBounds = { maxDepth: 4, maxTextLength: 100 };
/** The chunk length of an upload. */
const CHUNK_LENGTH = 1 << 14;

function* chunksOf(bytes: Uint8Array, chunkLength: number): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunkLength) yield bytes.subarray(from, from + chunkLength);
}

function parse(text: string | Uint8Array): readonly string[] | LinkageError {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return record((handler) => new ParsedJson(handler, BOUNDS), chunksOf(bytes, CHUNK_LENGTH));
}

/** Parses endless chunks. Returns the error, and the number of bytes until then. */
function parseEndless(beginning: string, chunk: string): [error: unknown, byteLength: number] {
  let byteLength = beginning.length;
  function* chunks() {
    yield Buffer.from(beginning);
    for (; byteLength < 2 ** 26; byteLength += chunk.length) yield Buffer.from(chunk);
  }
  const error = record((handler) => new ParsedJson(handler, BOUNDS), chunks());
  return [error, byteLength];
}

test("numbers are left as they are written", (t) => {
  const numbers = ["12345678901234567890", "-0", "1e400", "1.50", `${"9".repeat(100)}`];
  t.deepEqual(parse(`[${numbers}]`), ["[", ...numbers.map((number) => `number ${number}`), "]"]);
  t.deepEqual(parse("12"), ["number 12"]);
});

test("a byte order mark is tolerated at the beginning, and kept in texts", (t) => {
  t.deepEqual(parse('\ufeff["a"]'), ["[", "string a", "]"]);
  t.deepEqual(parse('{"\ufeffa": "\\ufeffb\ufeff"}'), ["{", "key \ufeffa", "string \ufeffb\ufeff", "}"]);
  for (const text of ["\ufeff\ufeff1", " \ufeff[]", '[\ufeff"a"]', "[]\ufeff"]) {
    t.regex((parse(text) as LinkageError).message, /but found byte 0xef\.$/, text);
  }
});

test("breaches are told with their place, what was expected and what was found, without what the text holds", (t) => {
  const wrong: readonly (readonly [text: string | Uint8Array, message: string])[] = [
    ["", "at byte 0: expected a value but found the end of the text"],
    [" \n", "at byte 2: expected a value but found the end of the text"],
    ["\ufeff", "at byte 3: expected a value but found the end of the text"],
    [Buffer.of(0xef, 0xbb), "at byte 2: expected a byte order mark but found the end of the text"],
    ["secret", "at byte 0: expected a value but found byte 0x73"],
    [",", "at byte 0: expected a value but found ,"],
    ["\ufeff]", "at byte 3: expected a value but found ]"],
    ['["secret"', "at byte 9: expected a comma or ] but found the end of the text"],
    [
      '["secret',
      "at byte 8: expected a closing quote without a control character before it but found the end of the text",
    ],
    [
      '["secret\n"]',
      "at byte 8: expected a closing quote without a control character before it but found byte 0x0a",
    ],
    ['["secret" "secret"]', "at byte 10: expected a comma or ] but found a string"],
    ['["secret",]', "at byte 10: expected a value but found ]"],
    ["[}", "at byte 1: expected a value or ] but found }"],
    ['{"a":1]', "at byte 6: expected a comma or } but found ]"],
    ['{"a" 123456}', "at byte 5: expected a colon but found a number"],
    ['{"a":}', "at byte 5: expected a value but found }"],
    ['{"a":1,}', "at byte 7: expected a key in quotes but found }"],
    ["{true:1}", "at byte 1: expected a key in quotes or } but found true"],
    ['["\\q"]', "at byte 3: expected an escape letter but found byte 0x71"],
    ['["\\u00g0"]', "at byte 6: expected a hexadecimal digit but found byte 0x67"],
    ["[1.]", "at byte 3: expected a digit but found ]"],
    ["[-", "at byte 2: expected a digit but found the end of the text"],
    ["[01]", "at byte 2: expected a comma or ] but found a number"],
    ["[truth]", "at byte 4: expected true, false or null but found byte 0x74"],
    ["[nul", "at byte 4: expected true, false or null but found the end of the text"],
    ["[] secret", "at byte 3: expected the end of the text but found byte 0x73"],
    ['[] "secret"', "at byte 3: expected the end of the text but found a string"],
    ["[[[[[", "at byte 4: expected at most 4 nested arrays and objects but found one more"],
    ['[1, "\\ud83d"]', "at byte 4: expected surrogates in pairs but found a single one"],
    ['{"\\ude00": 1}', "at byte 1: expected surrogates in pairs but found a single one"],
    [Buffer.from('["a", "sécret"]', "latin1"), "after byte 4: it is not UTF-8"],
    [Buffer.from('["secreté"]', "latin1"), "after byte 0: it is not UTF-8"],
    [
      Buffer.from('["secretñ"]', "latin1"),
      "at byte 11: expected the rest of a character in UTF-8 but found the end of the text",
    ],
  ];
  for (const [text, message] of wrong) {
    const error = parse(text);
    t.true(error instanceof LinkageError, message);
    t.is((error as LinkageError).code, "invalid-dataset");
    t.is((error as LinkageError).message, `Invalid JSON ${message}.`);
  }
});

test("places are those of the whole text", (t) => {
  const beginning = `["${"\\u00e9é".repeat(15)}", "\\ud83d\\ude00", ${" ".repeat(300)} 123, true, "x" `;
  const place = `Invalid JSON at byte ${Buffer.byteLength(beginning)}: expected a comma or ] but found`;
  for (const [end, received] of [
    ["secret", "byte 0x73"],
    ['"secret"]', "a string"],
    ["", "the end of the text"],
  ] as const) {
    const bytes = Buffer.from(beginning + end);
    for (const chunkLength of [1, 7, 1000]) {
      const error = record((handler) => new ParsedJson(handler, BOUNDS), chunksOf(bytes, chunkLength));
      t.is((error as LinkageError).message, `${place} ${received}.`);
    }
  }
});

test("texts, keys and numbers have a longest length, whatever their escapes", (t) => {
  const longest = "é".repeat(50);
  const escaped = "\\u0061".repeat(100);
  t.deepEqual(parse(`["${longest}"]`), ["[", `string ${longest}`, "]"]);
  t.deepEqual(parse(`{"${escaped}": 1}`), ["{", `key ${"a".repeat(100)}`, "number 1", "}"]);
  t.deepEqual(parse(`[${"7".repeat(100)}]`), ["[", `number ${"7".repeat(100)}`, "]"]);
  for (const text of [
    `["${longest}a"]`,
    `["${"a".repeat(99)}é"]`,
    `["${"a".repeat(99)}😀"]`,
    `{"${escaped}a": 1}`,
    `[${"7".repeat(101)}]`,
    `["${"a".repeat(100_000)}"]`,
  ]) {
    const expected = /expected (strings and numbers of at most 100|another token within 800) bytes/;
    t.regex((parse(text) as LinkageError).message, expected, text.slice(0, 200));
  }
});

test("what has no end is refused soon", (t) => {
  for (const [beginning, chunk] of [
    ['["', "a".repeat(100)],
    ['["', "\\ud83d".repeat(20)],
    ['["', "é".repeat(20)],
    ['{"', "\\u0061".repeat(20)],
    ["[", "1".repeat(100)],
    ["[1.", "0".repeat(100)],
    ["", " ".repeat(100)],
    ["[1]", " ".repeat(100)],
  ] as const) {
    const [error, byteLength] = parseEndless(beginning, chunk);
    t.regex((error as LinkageError).message, /another token within 800 bytes but found none\.$/, beginning);
    t.true(byteLength < 1100, beginning);
  }
  const [error, byteLength] = parseEndless("", "[");
  t.regex((error as LinkageError).message, /at most 4 nested/);
  t.true(byteLength < 10);
});

test("white space of a reasonable length is skipped", (t) => {
  const space = " \t\r\n".repeat(30);
  t.deepEqual(parse(`${space}[${space}"${"a".repeat(100)}"${space},${space}1${space}]${space}`), [
    "[",
    `string ${"a".repeat(100)}`,
    "number 1",
    "]",
  ]);
});
