import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { InvalidRowsError, LinkageError } from "../../../src/core/errors.js";
import { hashBlockName } from "../../../src/linkage/uploads/block-name-hash.js";
import { MemoryBudget } from "../../../src/linkage/uploads/memory-budget.js";
import {
  createBlockSorter,
  type JsonRules,
  readJsonBlocks,
  readJsonRows,
} from "../../../src/linkage/uploads/read-json-rows.js";

const folder = mkdtempSync(join(tmpdir(), "read-json-rows-"));
test.after.always((t) => {
  t.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

const RULES: JsonRules = {
  maxRecords: 1000,
  maxBlocksPerRow: 10,
  maxBlockNameLength: 20,
  checkMember: () => {},
};

interface Read {
  readonly rows: readonly string[];
  /** The records of each block, by the hash of its name. */
  readonly blocks: Record<string, number[]>;
}

async function* chunksOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function read(source: AsyncIterable<Uint8Array>, rules: JsonRules = RULES): Promise<Read> {
  const sorter = createBlockSorter({ folder, memory: new MemoryBudget(0) }, rules.maxBlocksPerRow);
  const pieces: Uint8Array[] = [];
  try {
    const { recordCount, byteLength } = await readJsonRows(source, rules, sorter, async (rows, width) => {
      if (rows.length === 0 || rows.length % width !== 0) throw new Error("no whole rows");
      pieces.push(rows);
    });
    const bytes = Buffer.concat(pieces);
    if (bytes.length !== recordCount * byteLength) throw new Error("not all rows");
    const rows = Array.from({ length: recordCount }, (_, n) =>
      bytes.toString("base64", n * byteLength, (n + 1) * byteLength),
    );
    const blocks: Record<string, number[]> = {};
    for await (const block of sorter.blocks()) blocks[block.name] = [...block.rows];
    return { rows, blocks };
  } finally {
    await sorter.close();
  }
}

function readText(text: string, rules?: JsonRules): Promise<Read> {
  return read(chunksOf(Buffer.from(text)), rules);
}

async function blocks(named: Record<string, number[]>): Promise<Record<string, number[]>> {
  const hashed: Record<string, number[]> = {};
  for (const [name, rows] of Object.entries(named)) hashed[await hashBlockName(name)] = rows;
  return hashed;
}

const A = Buffer.alloc(8, 1).toString("base64");
const B = Buffer.alloc(8, 2).toString("base64");
const C = Buffer.alloc(8, 3).toString("base64");

const FORMS: readonly (readonly [text: string, blocks: Record<string, number[]>])[] = [
  [`{"clks": ["${A}", "${B}", "${C}"]}`, {}],
  [
    `{"clks":["${A.slice(0, 4)}\\n${A.slice(4)}", "${B.replace("=", "\\u003d")}\\r\\n", "${C}"], "x": [{}]}`,
    {},
  ],
  [
    `{"clknblocks": [["${A}", "x", 7], ["${B}", "7"], ["${C}", "é", "x", "x"]]}`,
    { x: [0, 2], "7": [0, 1], é: [2] },
  ],
  [
    `{"encodings": ["${A}", "${B}", "${C}"], "blocks": {"2": ["b", -1], "0": ["a", "b"], "1": []}}`,
    { a: [0], b: [0, 2], "-1": [2] },
  ],
  [
    `{"blocks": {"0": [1, 12345678901234567890], "2": ["1"]}, "encodings": ["${A}", "${B}", "${C}"]}`,
    { "1": [0, 2], "12345678901234567890": [0] },
  ],
  [`{"blocks": [["a"], [], ["a", "🙂"]], "encodings": ["${A}", "${B}", "${C}"]}`, { a: [0, 2], "🙂": [2] }],
  [`{"encodings": ["${A}", "${B}", "${C}"]}`, {}],
];

test("reads every form, cut at every byte", async (t) => {
  for (const [text, named] of FORMS) {
    const bytes = Buffer.from(text);
    const expected = { rows: [A, B, C], blocks: await blocks(named) };
    for (let cut = 0; cut <= bytes.length; cut++) {
      const got = await read(chunksOf(bytes.subarray(0, cut), bytes.subarray(cut)));
      t.deepEqual(got, expected, `${text} cut at ${cut}`);
    }
    t.deepEqual(await read(chunksOf(...[...bytes].map((byte) => Uint8Array.of(byte)))), expected);
  }
});

test("rejects every truncation of a form", async (t) => {
  for (const [text] of FORMS) {
    const bytes = Buffer.from(text);
    for (let end = 0; end < bytes.length; end++) {
      await t.throwsAsync(read(chunksOf(bytes.subarray(0, end))), { instanceOf: LinkageError });
    }
  }
});

test("errors about invalid rows give their index and reason, but not their content", async (t) => {
  const wrong: readonly (readonly [text: string, row: number, reason: RegExp])[] = [
    [`{"clks": ["${A}", "AAAA"]}`, 1, /3 bytes, but the rows before have 8/],
    [`{"clks": ["${A}", "${B}secret!"]}`, 1, /base64/],
    [`{"clks": ["${A}", "QUI"]}`, 1, /multiple of 4/],
    [`{"clks": [""]}`, 0, /empty/],
    [`{"clks": ["${A}", 5]}`, 1, /a number instead of base64/],
    [`{"clks": ["${A}", null, "${B}"]}`, 1, /null/],
    [`{"clks": ["${A}", {"a": 1}]}`, 1, /an object/],
    [`{"clks": ["${Buffer.alloc(4097).toString("base64")}"]}`, 0, /4097 bytes, more than 4096/],
    [`{"clknblocks": [["${A}", "a"], "${B}"]}`, 1, /a string instead of \[base64, block/],
    [`{"clknblocks": [["${A}", "a"], []]}`, 1, /an empty array/],
    [`{"clknblocks": [["${A}", "a"], ["${B}", 1.5]]}`, 1, /not an exact integer/],
    [`{"clknblocks": [["${A}", "secret${"x".repeat(20)}"]]}`, 0, /more than 20 bytes/],
    [`{"clknblocks": [["${A}"], ["${A}", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]}`, 1, /more than 10 blocks/],
    [`{"encodings": ["${A}"], "blocks": {"0": "secret"}}`, 0, /a string instead of an array of blocks/],
    [`{"encodings": ["${A}"], "blocks": {"0": [true]}}`, 0, /true, false or null instead of a block/],
  ];
  for (const [text, row, reason] of wrong) {
    const error = await t.throwsAsync(readText(text), { instanceOf: InvalidRowsError }, text);
    t.is(error?.rows[0]?.row, row, text);
    t.regex(error!.message, reason);
    t.notRegex(error!.message, /secret/);
  }
});

test("rejects uploads of the wrong structure", async (t) => {
  const wrong: readonly (readonly [text: string, reason: RegExp])[] = [
    ["{}", /a key clks/],
    [`{"clks": []}`, /^The upload has no rows\.$/],
    [`{"encodings": [], "blocks": {}}`, /^The upload has no rows\.$/],
    [`{"blocks": {"0": []}}`, /a key clks/],
    [`{"clks": {"0": "${A}"}}`, /^clks must be an array/],
    [`{"clks": "${A}"}`, /^clks must be an array/],
    [`{"clks": ["${A}"], "clks": ["${A}"]}`, /one of the keys .* has clks and clks/],
    [`{"clknblocks": [["${A}", 1]], "blocks": {}}`, /blocks under two keys/],
    [`{"encodings": ["${A}"], "blocks": {"0": [], "0": []}}`, /^blocks lists row 0 twice\.$/],
    [`{"encodings": ["${A}"], "blocks": {"1": ["a"]}}`, /row indices in blocks must be below 1, not 1\.$/],
    [`{"blocks": {"5": []}, "encodings": ["${A}"]}`, /must be below 1, not 5\.$/],
    [`{"encodings": ["${A}"], "blocks": {"1000": []}}`, /must be below 1000, not 1000\.$/],
    [`{"encodings": ["${A}"], "blocks": {"secret": []}}`, /row indices/],
    [`{"clks": ["${A}"]} x`, /end of the text/],
    ["5", /an object/],
    ['{"a":'.repeat(70), /nested/],
  ];
  for (const [text, reason] of wrong) {
    const error = await t.throwsAsync(readText(text), { instanceOf: LinkageError }, text);
    t.regex(error!.message, reason, text);
    t.notRegex(error!.message, /secret/);
  }
});

test("limits: number of rows, and of invalid rows before the end is read", async (t) => {
  const many = (count: number, row: string) => `{"clks": [${Array(count).fill(row).join(",")}]}`;
  t.is((await readText(many(1000, `"${A}"`))).rows.length, 1000);
  await t.throwsAsync(readText(many(1001, `"${A}"`)), { message: /at most 1000/ });
  async function* endless() {
    yield Buffer.from('{"clks": [5');
    for (;;) yield Buffer.from(", 5");
  }
  const error = await t.throwsAsync(read(endless()), { instanceOf: InvalidRowsError });
  t.is(error?.rows.length, 100);
});

test("limits: block name length and nesting depth", async (t) => {
  const withBlock = (name: string) => `{"clknblocks": [["${A}", "${name}"]]}`;
  const rules = { ...RULES, maxBlockNameLength: 100_000 };
  const escaped = "\\u0061".repeat(100_000);
  t.deepEqual(
    (await readText(withBlock(escaped), rules)).blocks,
    await blocks({ ["a".repeat(100_000)]: [0] }),
  );
  for (const length of [21, 65_537, 1_000_000]) {
    await t.throwsAsync(readText(withBlock("b".repeat(length))), { message: /more than 20 bytes/ });
  }
  await t.throwsAsync(readText(`{"clks": ["${"A".repeat(4_000_000)}"]}`), {
    message: /an encoding of 3000000 bytes/,
  });
  async function* endless(beginning: string, chunk: string) {
    yield Buffer.from(beginning);
    for (;;) yield Buffer.from(chunk.repeat(1000));
  }
  await t.throwsAsync(read(endless("", "[")), { message: /at most 64 nested/ });
});

test("distinct block names stay distinct", async (t) => {
  const names = ["a", "\ufeffa", "A", "9007199254740993", "9007199254740992"];
  const text = (list: readonly string[]) => `{"clknblocks": [["${A}"], ["${B}", ${list}]]}`;
  const quoted = names.map((name) => JSON.stringify(name));
  const each = await blocks(Object.fromEntries(names.map((name) => [name, [1]])));
  t.deepEqual((await readText(text(quoted))).blocks, each);
  t.deepEqual((await readText(text([...quoted.slice(0, 3), ...names.slice(3)]))).blocks, each);
  for (const lone of ["\\ud800", "\\udbff!", "\\udc00"]) {
    const error = await t.throwsAsync(readText(text([`"${lone}"`])), { instanceOf: LinkageError });
    t.regex(error!.message, /surrogate/);
  }
});

test("pads, truncates and limits rows to a file's metadata", async (t) => {
  const rules = { ...RULES, fileMetadata: { recordCount: 3, byteLength: 4 } };
  const texts = ["AQ==", "AQIDBAUG", "AQIDBA==", "AA==", "wrong"];
  const { rows } = await readText(JSON.stringify({ clks: texts }), rules);
  t.deepEqual(rows, ["AQAAAA==", "AQIDBA==", "AQIDBA=="]);
  await t.throwsAsync(readText(JSON.stringify({ clks: texts.slice(0, 2) }), rules), {
    message: "Expected 3 rows, but the upload has 2.",
  });
});

test("reads a file of blocks only", async (t) => {
  const sorter = createBlockSorter({ folder, memory: new MemoryBudget(0) }, 10);
  const parse = (text: string, count: number) =>
    readJsonBlocks(chunksOf(Buffer.from(text)), RULES, count, sorter);
  await parse('{"blocks": {"1": ["a"], "0": ["a", "b"]}}', 2);
  const got: Record<string, number[]> = {};
  for await (const { name, rows } of sorter.blocks()) got[name] = [...rows];
  t.deepEqual(got, await blocks({ a: [0, 1], b: [0] }));
  await t.throwsAsync(parse('{"blocks": {"2": ["a"]}}', 2), {
    message: "The row indices in blocks must be below 2, not 2.",
  });
  await t.throwsAsync(parse("{}", 2), { message: /a key blocks/ });
  await sorter.close();
});

test("reads many rows and blocks with little memory, for any chunk size", async (t) => {
  const rules = { ...RULES, maxRecords: 1e6 };
  const count = 30_000;
  const rows = Array.from({ length: count }, (_, n) => {
    const row = Buffer.alloc(64);
    row.writeUInt32BE(n);
    return row.toString("base64");
  });
  const text = Buffer.from(
    JSON.stringify({ clknblocks: rows.map((row, n) => [row, "all", n % 100, `of ${n >> 1}`]) }),
  );
  for (const length of [1000, 65_536, text.length]) {
    const chunks: Buffer[] = [];
    for (let from = 0; from < text.length; from += length) chunks.push(text.subarray(from, from + length));
    const got = await read(chunksOf(...chunks), rules);
    t.true(got.rows.every((row, n) => row === rows[n]));
    t.is(Object.keys(got.blocks).length, 1 + 100 + count / 2);
    t.is(got.blocks[await hashBlockName("all")]!.length, count);
    t.deepEqual(got.blocks[await hashBlockName("of 7")], [14, 15]);
  }
});
