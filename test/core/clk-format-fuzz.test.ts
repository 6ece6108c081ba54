import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { type ClkInput, readClkJson, readClkJsonStream, readClkObject } from "../../src/core/clk-format.js";
import { InvalidRowsError, LinkageError } from "../../src/core/errors.js";

const utf8 = (text: string) => new TextEncoder().encode(text);

/** An input as plain values; blocks are sorted by name, because JSON.parse puts integer keys first. */
function plain({ dataset, blocks }: ClkInput) {
  const groups = blocks?.names.map((name, b) => ({
    name,
    records: [...blocks.records.subarray(blocks.starts[b], blocks.starts[b + 1])],
  }));
  groups?.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { bytes: [...dataset.bytes], byteLength: dataset.byteLength, groups };
}

/** The result of reading: the input, or a LinkageError. Other errors are rethrown. */
function attempt(read: () => ClkInput): ReturnType<typeof plain> | LinkageError {
  try {
    return plain(read());
  } catch (error) {
    if (error instanceof LinkageError) return error;
    throw error;
  }
}

/** The same with JSON.parse; `undefined` if that fails. */
function oracle(text: Uint8Array): ReturnType<typeof attempt> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
  } catch {
    return undefined;
  }
  return attempt(() => readClkObject(value));
}

/** Reads a string, whole and in chunks. Whatever can be read must equal the result of JSON.parse. */
async function check(t: ExecutionContext, text: Uint8Array, chunkLength: number): Promise<void> {
  const whole = attempt(() => readClkJson(text));
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < text.length; from += chunkLength)
    chunks.push(text.subarray(from, from + chunkLength));
  const streamed = await readClkJsonStream(chunks).then(plain, (error: unknown) => error);
  if (whole instanceof LinkageError) {
    t.is((streamed as Error).message, whole.message);
    if (whole.subject?.startsWith("JSON") && oracle(text) !== undefined)
      t.regex(whole.message, /surrogate|nested/);
    if (whole instanceof InvalidRowsError) t.deepEqual((streamed as InvalidRowsError).rows, whole.rows);
    return;
  }
  t.deepEqual(streamed, whole);
  const expected = oracle(text);
  // JSON.parse rounds large integers, so the object reader must reject them.
  const isRounded =
    expected instanceof InvalidRowsError && expected.rows.every((row) => /exact/.test(row.reason));
  if (!isRounded) t.deepEqual(whole, expected);
}

const clk = fc
  .uint8Array({ minLength: 2, maxLength: 2 })
  .map((bytes) => Buffer.from(bytes).toString("base64"));
const block = fc.oneof(fc.integer(), fc.string({ unit: "grapheme", maxLength: 6 }), fc.maxSafeInteger());
const blocks = fc.array(block, { maxLength: 4 });
const extra = fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 2 });
const upload = fc.oneof(
  fc.array(clk, { minLength: 1, maxLength: 6 }),
  fc.record({ clks: fc.array(clk, { minLength: 1, maxLength: 6 }) }),
  fc.record({
    clknblocks: fc.array(
      fc.tuple(clk, blocks).map(([row, names]) => [row, ...names]),
      { minLength: 1 },
    ),
  }),
  fc
    .tuple(fc.array(fc.tuple(clk, fc.option(blocks)), { minLength: 1, maxLength: 12 }), extra, fc.boolean())
    .map(([rows, others, blocksFirst]) => {
      const named = rows.flatMap(([, names], row) => (names === null ? [] : [[row, names]]));
      const members = { encodings: rows.map(([row]) => row), blocks: Object.fromEntries(named) };
      return { ...others, ...(blocksFirst ? { blocks: members.blocks } : {}), ...members };
    }),
);
const text = fc
  .tuple(upload, fc.constantFrom(0, 1, "\t"))
  .map(([value, space]) => JSON.stringify(value, null, space));

test("reads valid uploads as JSON.parse does", async (t) => {
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 40 }), async (json, chunkLength) => {
      const expected = oracle(utf8(json));
      t.false(expected instanceof Error);
      t.deepEqual(plain(readClkJson(json)), expected);
      await check(t, utf8(json), chunkLength);
    }),
    { numRuns: 500 },
  );
});

test("reads modified uploads as JSON.parse does, or rejects them", async (t) => {
  const mutation = fc.record({
    at: fc.nat(),
    remove: fc.nat(3),
    insert: fc.oneof(
      fc.constantFrom(
        "[",
        "]",
        "{",
        "}",
        '"',
        ",",
        ":",
        "\\",
        "\\u00e9",
        "\\n",
        "1",
        "-",
        ".5",
        "e9",
        "null",
        "=",
        " ",
        "A",
      ),
      fc.constantFrom(
        "1e400",
        "9".repeat(400),
        "-0",
        "é",
        "😀",
        "\u0000",
        '"clks":[],',
        "[".repeat(100),
        "\\ud83d",
      ),
    ),
  });
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.array(mutation, { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 1, max: 9 }),
      async (json, mutations, chunkLength) => {
        let changed = json;
        for (const { at, remove, insert } of mutations) {
          const from = at % (changed.length + 1);
          changed = changed.slice(0, from) + insert + changed.slice(from + remove);
        }
        await check(t, utf8(changed), chunkLength);
      },
    ),
    { numRuns: 4000 },
  );
});

test("reads uploads with modified bytes as JSON.parse does, or rejects them", async (t) => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(text, fc.array(change, { minLength: 1, maxLength: 3 }), async (json, changes) => {
      const bytes = utf8(json);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      await check(t, bytes, 7);
    }),
    { numRuns: 2000 },
  );
});

test("rejects every truncation of an upload", (t) => {
  const upload = utf8(
    '{"n":[-1.5e3,true],"encodings":["AQI=","Aw\\u0051="],"blocks":{"0":["é",1],"1":["\\ud83d\\ude00"]}} ',
  );
  t.is(readClkJson(upload).dataset.recordCount, 2);
  for (let length = 0; length < upload.length - 1; length++) {
    t.throws(() => readClkJson(upload.subarray(0, length)), { instanceOf: LinkageError });
  }
});

test("reads random bytes and random JSON as JSON.parse does, or rejects them", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), (bytes) => check(t, bytes, 5)),
    { numRuns: 1000 },
  );
  const json = fc.json({ maxDepth: 5 });
  const member = fc.constantFrom("clks", "encodings", "clknblocks", "blocks");
  await fc.assert(
    fc.asyncProperty(json, member, json, async (value, key, other) => {
      await check(t, utf8(value), 5);
      await check(t, utf8(`{"${key}":${value},"blocks":${other}}`), 5);
      await check(t, utf8(`{"${key}":[${value}]}`), 5);
      await check(t, utf8(`{"encodings":["AQI="],"${key}":{"0":${value}}}`), 5);
    }),
    { numRuns: 1000 },
  );
});

test("reads or rejects values of any type", (t) => {
  const member = fc.oneof(fc.array(fc.oneof(clk, fc.anything())), fc.anything());
  const value = fc.oneof(
    fc.anything(),
    member,
    fc.record({ clks: member, encodings: member, clknblocks: member, blocks: member }, { requiredKeys: [] }),
  );
  fc.assert(
    fc.property(value, (input) => {
      attempt(() => readClkObject(input));
      t.pass();
    }),
    { numRuns: 3000 },
  );
});
