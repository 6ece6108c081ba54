import test, { type ExecutionContext } from "ava";
import {
  readClkByteStream,
  readClkBytes,
  readClkJson,
  readClkJsonStream,
  readClkObject,
} from "../../src/core/clk-format.js";
import { InvalidRowsError, LinkageError } from "../../src/core/errors.js";

const utf8 = (text: string) => new TextEncoder().encode(text);
const CLKS = ["AQI=", "AwQ=", "BQY="]; // bytes 1 2, 3 4, 5 6

function rowsError(t: ExecutionContext, read: () => unknown): InvalidRowsError {
  return t.throws(read, { instanceOf: InvalidRowsError })!;
}

async function* bytewise(bytes: Uint8Array) {
  for (const byte of bytes) yield Uint8Array.of(byte);
}

test("reports the first 100 invalid rows and counts all", async (t) => {
  const rows = Array.from({ length: 300 }, (_, i) =>
    i % 2 ? "AQI=" : ["AQID", "!!!!", "AQ", "", 7, null][(i / 2) % 6],
  );
  const options = { byteLength: 2 };
  for (const read of [
    () => readClkObject(rows, options),
    () => readClkJson(JSON.stringify({ clks: rows }), options),
  ]) {
    const error = rowsError(t, read);
    t.is(error.invalidCount, 150);
    t.is(error.rows.length, 100);
    t.deepEqual(
      error.rows.slice(0, 6).map((problem) => problem.row),
      [0, 2, 4, 6, 8, 10],
    );
    t.is(error.rows[0]?.reason, "a CLK of 3 bytes instead of 2");
    t.regex(error.rows[1]?.reason ?? "", /not base64 at character 0/);
    t.regex(error.rows[2]?.reason ?? "", /multiple of 4/);
    t.is(error.rows[3]?.reason, "a CLK of 0 bytes instead of 2");
    t.false(error.rows.some((problem) => problem.reason.includes("AQ")));
  }
});

test("the first valid row sets the width", (t) => {
  const error = rowsError(t, () => readClkJson(JSON.stringify(["", "x", "AQI=", "AQ==", "AQI="])));
  t.deepEqual(
    error.rows.map((problem) => problem.row),
    [0, 1, 3],
  );
  t.is(error.rows[0]?.reason, "an empty CLK");
  const wide = Buffer.alloc(4097).toString("base64");
  t.is(rowsError(t, () => readClkJson(`["${wide}"]`)).rows[0]?.reason, "a CLK of 4097 bytes, more than 4096");
  t.is(readClkObject([new Uint8Array(4096)]).dataset.byteLength, 4096);
  t.is(rowsError(t, () => readClkObject([new Uint8Array(4097)])).invalidCount, 1);
});

for (const [name, value, rows] of [
  ["rows that are not arrays", { clknblocks: [["AQI="], "AQI=", 3, {}, []] }, [1, 2, 3, 4]],
  [
    "blocks of the wrong type",
    {
      clknblocks: [
        ["AQI=", null],
        ["AQI=", 1.5],
        ["AQI=", ["b"]],
        ["AQI=", "b"],
      ],
    },
    [0, 1, 2],
  ],
  ["CLKs of the wrong type", { clknblocks: [[1, "b"], [null], [{ a: [] }, 1], ["AQI="]] }, [0, 1, 2]],
  ["block lists of the wrong type", { encodings: CLKS, blocks: { "0": "b", "1": {}, "2": ["b"] } }, [0, 1]],
  ["block lists of the wrong type in an array", { encodings: CLKS, blocks: [["b"], null, [true]] }, [1, 2]],
  ["a row with two errors counts once", { blocks: { "1": 7 }, encodings: ["AQI=", "!", "AQI="] }, [1]],
  ["too many blocks", { encodings: CLKS, blocks: { "0": [1, 2, 3], "1": [1, 2, 3, 4] } }, [1]],
  [
    "a block name that is too long",
    { encodings: CLKS, blocks: { "0": ["12345678"], "1": ["éééé!"], "2": [123456789] } },
    [1, 2],
  ],
] as const) {
  test(`row errors: ${name}`, async (t) => {
    const options = { maxBlocksPerRow: 3, maxBlockNameLength: 8 };
    const text = JSON.stringify(value);
    for (const read of [() => readClkObject(value, options), () => readClkJson(text, options)]) {
      const error = rowsError(t, read);
      t.deepEqual(
        error.rows.map((problem) => problem.row),
        [...rows],
      );
      t.is(error.invalidCount, rows.length);
    }
    await t.throwsAsync(readClkJsonStream(bytewise(utf8(text)), options), { instanceOf: InvalidRowsError });
  });
}

for (const [name, value, message] of [
  [
    "neither object nor array",
    7,
    /^The data set must be an object or an array of base64 strings, not (7|a number)\.$/,
  ],
  ["null", null, /^The data set must be an object or an array of base64 strings, not /],
  ["a string", "AQI=", /^The data set must be an object or an array of base64 strings, not a string/],
  ["no key", { clk: [] }, /^The data set must have a key clks, clknblocks or encodings\.$/],
  ["no rows", [], /^The data set has no rows; it needs at least one row, or the option byteLength\.$/],
  [
    "CLKs that are not an array",
    { clks: { file: {} } },
    /^clks must be an array of base64 strings, not an object\.$/,
  ],
  ["rows with blocks that are not an array", { clknblocks: "x" }, /^clknblocks must be an array of \[base64/],
  ["blocks that are not an object", { clks: CLKS, blocks: null }, /^blocks must be an object that maps /],
  ["two kinds of CLKs", { clks: CLKS, encodings: CLKS }, /only one of .* has clks and encodings\.$/],
  ["two kinds of blocks", { blocks: {}, clknblocks: [] }, /under two keys, clknblocks and blocks\.$/],
  ["a row out of range", { clks: CLKS, blocks: { "3": [] } }, /^The row indices in blocks .* 3, not 3\.$/],
  ["more blocks than rows", { clks: CLKS, blocks: [[], [], [], []] }, /must be below 3, not 3\.$/],
  ["a block as key", { clks: CLKS, blocks: { smith: [0] } }, /^The keys of blocks must be row indices/],
  ["a key with a zero", { clks: CLKS, blocks: { "01": [] } }, /keys of blocks must be row indices/],
  ["a negative key", { clks: CLKS, blocks: { "-1": [] } }, /keys of blocks must be row indices/],
  [
    "a key that is too large",
    { clks: CLKS, blocks: { "4294967295": [] } },
    /keys of blocks must be row indices/,
  ],
] as const) {
  test(`rejects ${name}`, (t) => {
    for (const read of [() => readClkObject(value), () => readClkJson(JSON.stringify(value))]) {
      const error = t.throws(read, { instanceOf: LinkageError });
      t.is(error?.code, "invalid-dataset");
      t.regex(error?.message ?? "", message);
      t.notRegex(error?.message ?? "", /smith/);
    }
  });
}

test("rejects a duplicate key or row", (t) => {
  t.throws(() => readClkJson('{"clks":["AQI="],"clks":["AQI="]}'), { message: /has clks and clks\.$/ });
  t.throws(() => readClkJson('{"blocks":{},"clks":["AQI="],"blocks":{}}'), {
    message: /the key blocks twice/,
  });
  t.throws(() => readClkJson('{"clks":["AQI="],"blocks":{"0":[1],"0":[2]}}'), { message: /row 0 twice/ });
});

for (const [text, offset, message] of [
  ["", 0, "a value but found the end"],
  ["\ufeff", 3, "a value but found the end"],
  ["[", 1, "a value or ] but found the end"],
  ['["AQI="', 7, "a comma or ] but found the end"],
  ['["AQI=', 6, "the closing quote but found the end"],
  ['["AQI=" "AQI="]', 8, 'a comma or ] but found "'],
  ['["AQI=",]', 8, "a value but found ]"],
  ['["AQI="}', 7, "a comma or ] but found }"],
  ['["AQI="] x', 9, "the end of the text but found byte 0x78"],
  ['{"a" 1}', 5, "a colon but found byte 0x31"],
  ['{"a":1,}', 7, "a key in quotes but found }"],
  ["{a:1}", 1, "a key in quotes or } but found byte 0x61"],
  ['{"a":01}', 6, "a comma or } but found byte 0x31"],
  ['{"a":-}', 6, "a digit but found }"],
  ['{"a":1.}', 7, "a digit but found }"],
  ['{"a":tru }', 8, "true, false or null but found byte 0x20"],
  ['["\\x"]', 3, "an escape letter but found byte 0x78"],
  ['["\\u00g0"]', 6, "a hexadecimal digit but found byte 0x67"],
  ['["a\nb"]', 3, "no control character in a string but found byte 0x0a"],
  ['{"\\ud800x":1}', 8, "the second half of a surrogate pair but found byte 0x78"],
  ['{"\\udc00":1}', 7, "surrogates in pairs but found a single one"],
] as const) {
  test(`reports the byte offset of a syntax error: ${JSON.stringify(text)}`, async (t) => {
    const expected = `Invalid JSON at byte ${offset}: expected ${message}`;
    const check = (error: LinkageError | undefined) => {
      t.is(error?.code, "invalid-dataset");
      t.is(error?.message.slice(0, expected.length), expected);
    };
    check(t.throws(() => readClkJson(text), { instanceOf: LinkageError }));
    check(await t.throwsAsync(readClkJsonStream(bytewise(utf8(text))), { instanceOf: LinkageError }));
  });
}

test("rejects input that is not UTF-8 or not UTF-16", (t) => {
  for (const bytes of [
    [0x80],
    [0xc0, 0x80],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xc3],
  ]) {
    const text = Uint8Array.of(...utf8('{"a":"'), ...bytes, ...utf8('","clks":["AQI="]}'));
    t.throws(() => readClkJson(text), { instanceOf: LinkageError, message: /expected UTF-8/ });
  }
  for (const text of ['{"\ud800":1}', '{"\udc00":1}', '{"clks":["AQI="]}\ud800']) {
    t.throws(() => readClkJson(text), { instanceOf: LinkageError, message: /lone surrogate/ });
  }
});

test("enforces its limits", (t) => {
  const nested = (depth: number) => `{"x":${"[".repeat(depth)}${"]".repeat(depth)},"clks":["AQI="]}`;
  t.is(readClkJson(nested(63)).dataset.recordCount, 1);
  t.throws(() => readClkJson(nested(64)), { message: /at most 64 nested/ });
  t.throws(() => readClkJson("[".repeat(1e6)), { message: /at most 64 nested/ });
  t.throws(() => readClkJson(nested(3), { maxDepth: 3 }), {
    message: /at byte 7: expected at most 3 nested/,
  });
  t.throws(() => readClkObject(CLKS, { maxRecords: 2 }), { message: /more than 2 records/ });
  t.throws(() => readClkJson(JSON.stringify(CLKS), { maxRecords: 2 }), { message: /more than 2 records/ });
  t.throws(() => readClkBytes(new Uint8Array(6), { byteLength: 2, maxRecords: 2 }), {
    message: /more than 2 records/,
  });
  t.is(readClkObject(CLKS, { maxRecords: 3 }).dataset.recordCount, 3);
  for (const options of [
    { maxRecords: -1 },
    { maxDepth: 0 },
    { maxBlocksPerRow: 1.5 },
    { maxBlockNameLength: Number.NaN },
  ]) {
    t.is(t.throws(() => readClkObject(CLKS, options), { instanceOf: LinkageError })?.code, "invalid-option");
  }
  t.throws(() => readClkObject(CLKS, { byteLength: 4097 }), { instanceOf: LinkageError });
});

test("rejects packed CLKs of the wrong length or type", async (t) => {
  t.throws(() => readClkBytes(new Uint8Array(7), { byteLength: 2 }), { message: /7 bytes \(1 too many\)/ });
  t.throws(() => readClkBytes([1, 2] as never, { byteLength: 2 }), { instanceOf: LinkageError });
  t.throws(() => readClkBytes(new Uint8Array(4), {} as never), { message: /^byteLength is required/ });
  t.is(readClkBytes(new Uint8Array(0), { byteLength: 2 }).dataset.recordCount, 0);
  const stream = (chunk: unknown) => readClkByteStream([chunk] as never, { byteLength: 2 });
  await t.throwsAsync(stream(new Uint8Array(3)), { message: /3 bytes \(1 too many\)/ });
  await t.throwsAsync(stream("text"), { instanceOf: LinkageError });
  t.is((await stream(new Uint8Array(0))).dataset.recordCount, 0);
});

test("streams: invalid chunks, invalid streams, failures and cancellation", async (t) => {
  await t.throwsAsync(readClkJsonStream([7] as never), { instanceOf: LinkageError });
  for (const wrong of [null, undefined, 7, "text", {}]) {
    await t.throwsAsync(readClkJsonStream(wrong as never), { instanceOf: LinkageError });
  }
  const failing = new ReadableStream({ pull: (controller) => controller.error(new Error("line cut")) });
  await t.throwsAsync(readClkJsonStream(failing), { message: "line cut" });
  let cancelled = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(utf8("]")),
      cancel: () => void cancelled++,
    });
  await t.throwsAsync(readClkJsonStream(endless()), { instanceOf: LinkageError });
  t.is(cancelled, 1);
  // As in browsers whose streams are not async iterable.
  const source = endless();
  await t.throwsAsync(readClkJsonStream({ getReader: () => source.getReader() } as never), {
    instanceOf: LinkageError,
  });
  t.is(cancelled, 2);
  const sound = new Blob(['["AQI="]']).stream();
  const { dataset } = await readClkJsonStream({ getReader: () => sound.getReader() } as never);
  t.is(dataset.recordCount, 1);
});
