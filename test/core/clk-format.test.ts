import { readFileSync } from "node:fs";
import test, { type ExecutionContext } from "ava";
import {
  type ClkInput,
  detectFormat,
  type ReadClksOptions,
  readClkByteStream,
  readClkBytes,
  readClkJson,
  readClkJsonStream,
  readClkObject,
  toBase64Array,
  toBinary,
} from "../../src/core/clk-format.js";

const febrl = (name: string) => readFileSync(new URL(`../data/febrl4-1k/${name}`, import.meta.url));
const utf8 = (text: string) => new TextEncoder().encode(text);
const CLKS = ["AQI=", "AwQ=", "BQY="]; // bytes 1 2, 3 4, 5 6

/** An input as plain values: the CLKs, and the records of each block. */
function plain({ dataset, blocks }: ClkInput): unknown {
  const groups = blocks?.names.map((name, b) => [
    name,
    [...blocks.records.subarray(blocks.starts[b], blocks.starts[b + 1])],
  ]);
  return { clks: [...dataset.bytes], byteLength: dataset.byteLength, ...(groups && { blocks: groups }) };
}

/** Reads the same value in every way. The results must agree; returns one of them. */
async function readEveryWay(
  t: ExecutionContext,
  value: unknown,
  options?: ReadClksOptions,
): Promise<unknown> {
  const text = JSON.stringify(value);
  const expected = plain(readClkObject(value, options));
  t.deepEqual(plain(readClkJson(text, options)), expected);
  t.deepEqual(plain(readClkJson(utf8(text), options)), expected);
  t.deepEqual(plain(await readClkJsonStream(bytewise(utf8(text)), options)), expected);
  t.deepEqual(plain(await readClkJsonStream(new Blob([text]).stream(), options)), expected);
  return expected;
}

async function* bytewise(bytes: Uint8Array) {
  for (const byte of bytes) yield Uint8Array.of(byte);
}

for (const party of ["a", "b"]) {
  test(`reads real CLKs ${party} identically as JSON and as bytes`, async (t) => {
    const json = febrl(`clks-${party}.json`);
    const binary = febrl(`clks-${party}.bin`);
    for (const { dataset, blocks } of [
      readClkJson(json),
      readClkJson(json.toString()),
      readClkObject(JSON.parse(json.toString())),
      readClkObject(JSON.parse(json.toString()), { byteLength: 128 }),
      await readClkJsonStream(bytewise(json)),
      readClkBytes(binary, { byteLength: 128 }),
      await readClkByteStream(new Blob([binary]).stream(), { byteLength: 128 }),
    ]) {
      t.is(dataset.recordCount, 1000);
      t.is(dataset.byteLength, 128);
      t.true(binary.equals(dataset.bytes));
      t.true(dataset.bytes.buffer instanceof SharedArrayBuffer);
      t.is(dataset.bytes.buffer.byteLength, 128_000);
      t.is(blocks, undefined);
    }
    const { dataset } = readClkJson(json);
    t.deepEqual(toBase64Array(dataset), JSON.parse(json.toString()).clks);
    t.true(binary.equals(toBinary(dataset)));
    t.true(toBinary(dataset).buffer instanceof ArrayBuffer);
    t.is(detectFormat(json.subarray(0, 64)), "json");
    t.is(detectFormat(binary.subarray(0, 64)), "binary");
  });
}

test("reads every form", async (t) => {
  const clks = { clks: [1, 2, 3, 4, 5, 6], byteLength: 2 };
  t.deepEqual(await readEveryWay(t, CLKS), clks);
  t.deepEqual(await readEveryWay(t, { clks: CLKS }), clks);
  t.deepEqual(await readEveryWay(t, { encodings: CLKS, x: { clks: [[], {}, null, -1.5e3] } }), clks);
  t.deepEqual(await readEveryWay(t, { clks: CLKS }, { byteLength: 2 }), clks);
  const blocks = {
    ...clks,
    blocks: [
      ["1", [0, 2]],
      ["é", [0]],
      ["-7", [2]],
    ],
  };
  const rows = [[CLKS[0], 1, "é", "1"], [CLKS[1]], [CLKS[2], "1", -7]];
  t.deepEqual(await readEveryWay(t, { clknblocks: rows }), blocks);
  t.deepEqual(
    await readEveryWay(t, { encodings: CLKS, blocks: { "0": [1, "é"], "2": ["1", -7, 1] } }),
    blocks,
  );
  t.deepEqual(await readEveryWay(t, { blocks: [[1, "é"], [], ["1", -7]], clks: CLKS }), blocks);
  t.deepEqual(await readEveryWay(t, { blocks: {}, encodings: CLKS }), { ...clks, blocks: [] });
  t.deepEqual(await readEveryWay(t, { encodings: [], blocks: {} }, { byteLength: 2 }), {
    clks: [],
    byteLength: 2,
    blocks: [],
  });
});

test("reads rows of bytes and packed words", async (t) => {
  t.deepEqual(
    plain(readClkObject([Uint8Array.of(1, 2), "AwQ=", Buffer.of(5, 6)])),
    plain(readClkObject(CLKS)),
  );
  const words = new Uint32Array([1, 2, 3, 4]);
  const bytes = [...new Uint8Array(words.buffer)];
  t.deepEqual(plain(readClkBytes(words, { byteLength: 8 })), { clks: bytes, byteLength: 8 });
  t.deepEqual(plain(readClkBytes(words.buffer, { byteLength: 16 })), { clks: bytes, byteLength: 16 });
  t.deepEqual(plain(readClkBytes(words.subarray(1, 2), { byteLength: 4 })), {
    clks: [2, 0, 0, 0],
    byteLength: 4,
  });
  t.deepEqual(plain(readClkBytes(BigUint64Array.of(7n), { byteLength: 8 })), {
    clks: [7, 0, 0, 0, 0, 0, 0, 0],
    byteLength: 8,
  });
  const stream = (await readClkByteStream(bytewise(Uint8Array.from(bytes)), { byteLength: 8 })).dataset;
  t.deepEqual([...stream.bytes], bytes);
});

test("gives the same result for input cut into three chunks anywhere", async (t) => {
  const text = utf8(
    '\ufeff{"s":"\\u00e9\\ud83d\\ude00é€😀\\\\", "n":[-0.5e+10,0,true,false,null],"clknblocks":' +
      '[["AQ\\nI=","\\u0062\\ud83d\\ude00é",1],["\\u0041wQ\\u003d","😀",-0,12345678901234567890]]}',
  );
  const expected = plain(readClkJson(text));
  t.deepEqual(expected, {
    clks: [1, 2, 3, 4],
    byteLength: 2,
    blocks: [
      ["b😀é", [0]],
      ["1", [0]],
      ["😀", [1]],
      ["0", [1]],
      ["12345678901234567890", [1]],
    ],
  });
  for (let first = 0; first <= text.length; first++) {
    const second = first + ((first * 7) % (text.length - first + 1));
    const chunks = [text.subarray(0, first), text.subarray(first, second), text.subarray(second)];
    t.deepEqual(plain(await readClkJsonStream(chunks)), expected);
  }
  const string = new TextDecoder("utf-8", { ignoreBOM: true }).decode(text);
  for (let cut = 0; cut <= string.length; cut++) {
    t.deepEqual(plain(await readClkJsonStream([string.slice(0, cut), string.slice(cut)])), expected);
  }
});

test("distinguishes JSON from binary data", (t) => {
  for (const text of ["[", "{", ' \n{"clks": ["AQI=", "Aw', '\ufeff["AQI="', '{"é', '[["AQ==", 1]]']) {
    t.is(detectFormat(utf8(text)), "json", text);
  }
  t.is(detectFormat(utf8('{"é').subarray(0, 3)), "json");
  for (const bytes of [
    [],
    [0x20],
    [0x41],
    [0x7b, 0x00],
    [0x5b, 0x22, 0x01],
    [0x5b, 0x22, 0xff],
    [0x5b, 0x5d, 0x5d],
  ]) {
    t.is(detectFormat(Uint8Array.from(bytes)), "binary", bytes.join());
  }
  let state = 1;
  for (let round = 0; round < 2000; round++) {
    const bytes = Uint8Array.from(
      { length: 64 },
      () => (state = Math.imul(state, 1103515245) + 12345) >>> 16,
    );
    bytes[0] = round % 2 ? 0x5b : 0x7b;
    t.is(detectFormat(bytes), "binary");
  }
});

test("reads large inputs in several segments", (t) => {
  const bytes = Uint8Array.from({ length: 40_000 * 100 }, (_, i) => (i * 2654435761) >>> 13);
  const { dataset } = readClkBytes(bytes, { byteLength: 100 });
  const rows = toBase64Array(dataset);
  t.true(Buffer.from(bytes).equals(readClkJson(JSON.stringify(rows)).dataset.bytes));
  t.true(Buffer.from(bytes).equals(readClkObject(rows).dataset.bytes));
  t.true(Buffer.from(bytes).equals(readClkObject(rows, { byteLength: 100 }).dataset.bytes));
});
