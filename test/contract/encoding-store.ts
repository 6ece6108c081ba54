// The contract of every WritableEncodingStore.
import { createHash } from "node:crypto";
import type { ExecutionContext, TestFn } from "ava";
import type {
  BlockMembers,
  EncodingWriter,
  WritableEncodingStore,
} from "../../src/linkage/encoding-store.js";
import { ServiceError, type ServiceErrorCode } from "../../src/linkage/errors.js";
import { seededRandom } from "../random-clks.js";

export interface OpenedEncodingStore {
  readonly store: WritableEncodingStore;
  /** Adds a party with a pending upload that has this receipt token; returns the data provider's id. */
  addParty(receiptToken: string): Promise<number>;
  /** Lets another upload take over the party's upload slot. */
  takeOver(dataproviderId: number, receiptToken: string): Promise<void>;
  /** Marks the party's pending upload as ready. */
  finish(dataproviderId: number): Promise<void>;
  /** Ids of the party's blocks, by name. */
  blocksOf(dataproviderId: number): Promise<ReadonlyMap<string, number>>;
  /** Counts everything that is stored for a party: encodings, memberships, blocks, files. */
  countStored(dataproviderId: number, receiptTokens: readonly string[]): Promise<number>;
}

const BYTE_LENGTH = 16;

/** The records of each block, by its name. */
type Blocks = ReadonlyMap<string, readonly number[]>;

const hashed = (name: string | number) => createHash("sha256").update(String(name)).digest("hex");
const token = () => hashed(Math.random()).slice(0, 48);

/** Random encodings. */
function randomRows(recordCount: number, byteLength = BYTE_LENGTH, seed = 1): Buffer {
  const random = seededRandom(seed);
  const rows = Buffer.alloc(recordCount * byteLength);
  for (let at = 0; at + 4 <= rows.length; at += 4) rows.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  return rows;
}

/** Blocks for a writer, in pieces of up to `pieceRows` records; each piece reuses the memory of the previous one. */
async function* members(blocks: Blocks, pieceRows = 1 << 18): AsyncGenerator<BlockMembers> {
  const buffer = new Uint32Array(pieceRows);
  for (const [name, rows] of blocks) {
    for (let from = 0; from < rows.length; from += pieceRows) {
      const piece = buffer.subarray(0, Math.min(pieceRows, rows.length - from));
      for (let n = 0; n < piece.length; n++) piece[n] = rows[from + n]!;
      yield { name, recordCount: rows.length, rows: piece };
    }
  }
}

const range = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, n) => from + n * step);

function pick(rows: Uint8Array, wanted: Iterable<number>, byteLength = BYTE_LENGTH): Buffer {
  return Buffer.concat([...wanted].map((row) => rows.subarray(row * byteLength, (row + 1) * byteLength)));
}

/** Writes records in portions, from one reused buffer, as a parser does. */
async function writeAll(
  writer: EncodingWriter,
  rows: Uint8Array,
  portion = 1000 * BYTE_LENGTH,
): Promise<void> {
  const buffer = Buffer.alloc(portion);
  for (let from = 0; from < rows.length; from += portion) {
    const bytes = buffer.subarray(0, Math.min(portion, rows.length - from));
    bytes.set(rows.subarray(from, from + portion));
    await writer.write(bytes);
    bytes.fill(0xee);
  }
}

/** @param open opens a store; each test has its own parties and tokens */
export function testEncodingStore(
  test: TestFn,
  open: (t: ExecutionContext) => Promise<OpenedEncodingStore>,
): void {
  async function codeOf(
    t: ExecutionContext,
    action: () => Promise<unknown>,
  ): Promise<ServiceErrorCode | undefined> {
    return (await t.throwsAsync(action, { instanceOf: ServiceError }))?.code;
  }

  async function upload(
    opened: OpenedEncodingStore,
    rows: Uint8Array,
    blocks: Blocks,
    options: { byteLength?: number; portion?: number; pieceRows?: number } = {},
  ) {
    const { byteLength = BYTE_LENGTH, portion, pieceRows } = options;
    const receiptToken = token();
    const dataproviderId = await opened.addParty(receiptToken);
    const writer = await opened.store.begin(dataproviderId, receiptToken, byteLength);
    await writeAll(writer, rows, portion);
    const { blockCount } = await writer.commit(members(blocks, pieceRows));
    await opened.finish(dataproviderId);
    return { dataproviderId, receiptToken, blockCount, ids: await opened.blocksOf(dataproviderId) };
  }

  test("without blocks, ranges are ranges of rows, in shared memory", async (t) => {
    const opened = await open(t);
    const rows = randomRows(2500);
    for (const portion of [BYTE_LENGTH, 7 * BYTE_LENGTH, 2500 * BYTE_LENGTH, 5000 * BYTE_LENGTH]) {
      const party = await upload(opened, rows, new Map([[hashed(1), range(0, 2500)]]), { portion });
      t.is(party.blockCount, 1);
      const { dataproviderId } = party;
      const blockId = party.ids.get(hashed(1))!;
      for (const [from, to] of [
        [0, 2500],
        [0, 1],
        [123, 321],
        [2499, 2500],
        [2490, 2600],
      ] as const) {
        const read = await opened.store.readRange({ dataproviderId, blockId, from, to }, BYTE_LENGTH);
        const expected = range(from, Math.min(to, 2500));
        t.deepEqual([...read.entityIds], expected);
        t.true(pick(rows, expected).equals(read.dataset.bytes));
        t.is(read.dataset.byteLength, BYTE_LENGTH);
        t.true(read.dataset.bytes.buffer instanceof SharedArrayBuffer);
      }
    }
  });

  for (const pieceRows of [1 << 18, 7]) {
    test(`reads overlapping blocks by range and together, written in pieces of up to ${pieceRows} rows`, async (t) => {
      const opened = await open(t);
      const random = seededRandom(pieceRows);
      const rows = randomRows(3000);
      const blocks = new Map<string, number[]>([
        [hashed("all"), range(0, 3000)],
        [hashed("seven"), range(3, 3000, 7)],
        [hashed("middle"), range(1000, 2000)],
        [hashed("consecutive at first"), [...range(100, 150), 160]],
        [hashed("last"), [2999]],
        [hashed("first"), [0]],
      ]);
      for (let row = 0; row < 3000; row++) {
        for (let n = Math.floor(random() * 6); n > 0; n--) {
          const name = hashed(`random ${Math.floor(random() * 400)}`);
          const block = blocks.get(name) ?? [];
          if (block.at(-1) !== row) block.push(row);
          blocks.set(name, block);
        }
      }
      const { dataproviderId, ids, blockCount } = await upload(opened, rows, blocks, { pieceRows });
      t.is(blockCount, blocks.size);
      t.deepEqual([...ids.keys()].sort(), [...blocks.keys()].sort());
      for (const [name, members] of [...blocks].slice(0, 40)) {
        for (const [from, to] of [
          [0, members.length],
          [Math.floor(members.length / 3), Math.ceil((members.length * 2) / 3) + 1],
        ] as const) {
          const range = { dataproviderId, blockId: ids.get(name)!, from, to };
          const read = await opened.store.readRange(range, BYTE_LENGTH);
          t.deepEqual([...read.entityIds], members.slice(from, to));
          t.true(pick(rows, read.entityIds).equals(read.dataset.bytes));
        }
      }
      const names = [...blocks.keys()];
      for (const wanted of [names, names.filter((_, n) => n % 3 > 0).reverse(), names.slice(-1)]) {
        const blockIds = wanted.map((name) => ids.get(name)!);
        const read = await opened.store.readBlocks(dataproviderId, blockIds, BYTE_LENGTH);
        const entities = [...new Set(wanted.flatMap((name) => blocks.get(name)!))].sort((a, b) => a - b);
        t.deepEqual([...read.entityIds], entities);
        t.true(pick(rows, entities).equals(read.dataset.bytes));
        t.true(read.dataset.bytes.buffer instanceof SharedArrayBuffer);
        t.is(read.starts.length, wanted.length + 1);
        for (const [n, name] of wanted.entries()) {
          const records = [...read.records.subarray(read.starts[n]!, read.starts[n + 1]!)];
          t.deepEqual(
            records.map((record) => read.entityIds[record]!),
            blocks.get(name),
          );
        }
      }
    });
  }

  test("stores 200,000 tiny blocks", async (t) => {
    const opened = await open(t);
    const recordCount = 100_000;
    const rows = randomRows(recordCount, 8);
    const blocks = new Map<string, number[]>();
    for (let n = 0; n < 200_000; n++) {
      const row = (n * 7919) % recordCount;
      blocks.set(n.toString(16).padStart(64, "0"), row + 5 < recordCount ? [row, row + 5] : [row]);
    }
    const options = { byteLength: 8, portion: 2 ** 16 };
    const { dataproviderId, ids, blockCount } = await upload(opened, rows, blocks, options);
    t.is(blockCount, 200_000);
    t.is(ids.size, 200_000);
    const names = [...blocks.keys()];
    for (const wanted of [names.slice(50_000, 53_000), names.filter((_, n) => n % 67 === 0), names]) {
      const blockIds = wanted.map((name) => ids.get(name)!);
      const read = await opened.store.readBlocks(dataproviderId, blockIds, 8);
      const entities = Uint32Array.from(new Set(wanted.flatMap((name) => blocks.get(name)!))).sort();
      t.deepEqual(read.entityIds, entities);
      t.true(pick(rows, entities, 8).equals(read.dataset.bytes));
      t.deepEqual(
        Array.from(read.records, (record) => read.entityIds[record]!),
        wanted.flatMap((name) => blocks.get(name)!),
      );
    }
    const rowsOfOne = { dataproviderId, blockId: ids.get(names[123_456]!)!, from: 1, to: 9 };
    t.deepEqual(
      [...(await opened.store.readRange(rowsOfOne, 8)).entityIds],
      [blocks.get(names[123_456]!)![1]],
    );
  });

  test("stores a row in thousands of blocks, and a row in none", async (t) => {
    const opened = await open(t);
    const rows = randomRows(3);
    const blocks = new Map(range(0, 5000).map((n) => [hashed(n), n % 2 === 0 ? [1] : [1, 2]]));
    const { dataproviderId, ids } = await upload(opened, rows, blocks);
    const blockIds = [...blocks.keys()].map((name) => ids.get(name)!);
    const read = await opened.store.readBlocks(dataproviderId, blockIds, BYTE_LENGTH);
    t.deepEqual([...read.entityIds], [1, 2]);
    t.true(pick(rows, [1, 2]).equals(read.dataset.bytes));
    t.is(read.records.length, 7500);
  });

  test("stores a block larger than a piece, with a gap at its end", async (t) => {
    const opened = await open(t);
    const recordCount = 600_000;
    const rows = randomRows(recordCount, 8);
    const gap = [...range(0, recordCount - 10), recordCount - 1];
    const blocks = new Map([
      [hashed("small"), [5, 7]],
      [hashed("all"), range(0, recordCount)],
      [hashed("gap"), gap],
      [hashed("odd"), range(1, recordCount, 2)],
    ]);
    const { dataproviderId, ids } = await upload(opened, rows, blocks, { byteLength: 8, portion: 2 ** 20 });
    for (const [name, members] of blocks) {
      const range = { dataproviderId, blockId: ids.get(name)!, from: members.length >> 1, to: recordCount };
      const read = await opened.store.readRange(range, 8);
      const expected = Uint32Array.from(members.slice(members.length >> 1));
      t.deepEqual(read.entityIds, expected);
      t.true(pick(rows, expected, 8).equals(read.dataset.bytes));
    }
    const blockIds = ["odd", "small"].map((name) => ids.get(hashed(name))!);
    const read = await opened.store.readBlocks(dataproviderId, blockIds, 8);
    t.is(read.entityIds.length, recordCount / 2);
    t.deepEqual([...read.records.subarray(read.starts[1]!)], [2, 3]);
  });

  test("stores an upload without rows", async (t) => {
    const opened = await open(t);
    const { dataproviderId, blockCount } = await upload(opened, new Uint8Array(0), new Map());
    t.is(blockCount, 0);
    const block = { dataproviderId, blockId: 1, from: 0, to: 1 };
    t.is(await codeOf(t, () => opened.store.readRange(block, BYTE_LENGTH)), "missing-encodings");
  });

  test("missing or differently sized encodings are errors, and an abort throws its reason", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    const { dataproviderId, ids } = await upload(
      opened,
      randomRows(50),
      new Map([[hashed(1), range(0, 50)]]),
    );
    const blockId = ids.get(hashed(1))!;
    const whole = { dataproviderId, blockId, from: 0, to: 50 };
    const codes = [
      ["missing-encodings", () => store.readRange({ ...whole, from: 50, to: 60 }, BYTE_LENGTH)],
      ["missing-encodings", () => store.readRange({ ...whole, blockId: 999_999_999 }, BYTE_LENGTH)],
      ["missing-encodings", () => store.readRange({ ...whole, blockId: 0 }, BYTE_LENGTH)],
      ["missing-encodings", () => store.readBlocks(dataproviderId, [blockId, 999_999_999], BYTE_LENGTH)],
      ["missing-encodings", () => store.readBlocks(dataproviderId, [0, blockId], BYTE_LENGTH)],
      ["missing-encodings", () => store.readRange({ ...whole, dataproviderId: 999_999_999 }, BYTE_LENGTH)],
      ["invalid-encodings", () => store.readRange(whole, 8)],
      ["invalid-encodings", () => store.readBlocks(dataproviderId, [blockId], 24)],
      ["invalid-arguments", () => store.readBlocks(dataproviderId, [Number.NaN], BYTE_LENGTH)],
      ["invalid-arguments", () => store.readRange({ ...whole, from: -1 }, BYTE_LENGTH)],
    ] as const;
    for (const [code, read] of codes) t.is(await codeOf(t, read), code, read.toString());
    const aborted = AbortSignal.abort(new Error("revoked"));
    await t.throwsAsync(store.readRange(whole, BYTE_LENGTH, aborted), { message: "revoked" });
    await t.throwsAsync(store.readBlocks(dataproviderId, [blockId], BYTE_LENGTH, aborted), {
      message: "revoked",
    });
    t.is((await store.readRange(whole, BYTE_LENGTH)).entityIds.length, 50);
  });

  test("an upload is invisible until committed, and leaves nothing if aborted", async (t) => {
    const opened = await open(t);
    const receiptToken = token();
    const dataproviderId = await opened.addParty(receiptToken);
    const stored = () => opened.countStored(dataproviderId, [receiptToken]);
    const breakings: ((writer: EncodingWriter) => Promise<void>)[] = [
      async () => {},
      async (writer) => writeAll(writer, randomRows(10)),
      async (writer) => writeAll(writer, randomRows(1_300_000), 2 ** 20),
      async (writer) => {
        await writeAll(writer, randomRows(10));
        await t.throwsAsync(writer.write(new Uint8Array(BYTE_LENGTH + 1)), { message: /whole rows/ });
      },
    ];
    for (const breakOff of breakings) {
      const writer = await opened.store.begin(dataproviderId, receiptToken, BYTE_LENGTH);
      await breakOff(writer);
      t.is((await opened.blocksOf(dataproviderId)).size, 0);
      await writer.abort();
      await writer.abort();
      t.is(await stored(), 0);
    }
  });

  test("a commit that fails halfway leaves nothing, and the upload can be repeated", async (t) => {
    const opened = await open(t);
    const receiptToken = token();
    const dataproviderId = await opened.addParty(receiptToken);
    const blocks = new Map(range(0, 40_000).map((n) => [hashed(n), [n % 1000]]));
    async function* broken(): AsyncGenerator<BlockMembers> {
      yield* members(blocks);
      throw new Error("no more blocks");
    }
    const block = (recordCount: number, ...rows: number[]) => ({
      name: hashed("x"),
      recordCount,
      rows: Uint32Array.from(rows),
    });
    async function* these(...pieces: BlockMembers[]): AsyncGenerator<BlockMembers> {
      yield* members(blocks);
      yield* pieces;
    }
    const failures: [AsyncIterable<BlockMembers>, RegExp][] = [
      [broken(), /no more blocks/],
      [these(block(1, 1000)), /must be below 1000, but one is 1000\.$/],
      [these(block(2, 5, 5)), /ascending/],
      [these(block(2, 6, 5)), /ascending/],
      [these(block(0)), /A block has no rows/],
      [these(block(1, 5, 6)), /more rows than its recordCount 1\.$/],
      [these(block(3, 5, 6)), /has 2 rows, fewer than its recordCount 3\.$/],
      [these(block(3, 5, 6), block(3, 7, 8)), /more rows than its recordCount 3\.$/],
      [these(block(3, 5, 6), block(3, 6)), /ascending/],
      [
        these(block(3, 5, 6), { ...block(1, 9), name: hashed("y") }),
        /has 2 rows, fewer than its recordCount 3\.$/,
      ],
    ];
    for (const [failing, message] of failures) {
      const writer = await opened.store.begin(dataproviderId, receiptToken, BYTE_LENGTH);
      await writeAll(writer, randomRows(1000));
      await t.throwsAsync(writer.commit(failing), { message });
      await writer.abort();
      t.is(await opened.countStored(dataproviderId, [receiptToken]), 0, String(message));
    }
    const writer = await opened.store.begin(dataproviderId, receiptToken, BYTE_LENGTH);
    await writeAll(writer, randomRows(1000));
    t.deepEqual(await writer.commit(members(blocks)), { blockCount: 40_000 });
    await opened.finish(dataproviderId);
    t.is((await opened.blocksOf(dataproviderId)).size, 40_000);
  });

  test("a removed upload leaves nothing, and another one can follow", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    const blocks = new Map([[hashed(1), range(0, 100)]]);
    const [first, second] = [token(), token()];
    const dataproviderId = await opened.addParty(first);
    const writer = await store.begin(dataproviderId, first, BYTE_LENGTH);
    await writeAll(writer, randomRows(100));
    await writer.commit(members(blocks));
    t.true((await opened.countStored(dataproviderId, [first])) > 0);
    await opened.takeOver(dataproviderId, second);
    await store.remove(dataproviderId, first);
    await store.remove(dataproviderId, first);
    t.is(await opened.countStored(dataproviderId, [first, second]), 0);
    const rows = randomRows(100, 8, 2);
    const next = await store.begin(dataproviderId, second, 8);
    await writeAll(next, rows, 80);
    await next.commit(members(blocks));
    await opened.finish(dataproviderId);
    await store.remove(dataproviderId, first); // by a late caller
    const blockId = (await opened.blocksOf(dataproviderId)).get(hashed(1))!;
    const read = await store.readRange({ dataproviderId, blockId, from: 0, to: 100 }, 8);
    t.true(rows.equals(read.dataset.bytes));
  });

  test("an upload that lost its slot cannot commit or remove its successor's data", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    const blocks = new Map([[hashed(1), range(0, 100)]]);
    const rows = randomRows(100, BYTE_LENGTH, 3);
    const [first, second] = [token(), token()];
    const dataproviderId = await opened.addParty(first);
    const slow = await store.begin(dataproviderId, first, BYTE_LENGTH);
    await writeAll(slow, randomRows(100));
    await opened.takeOver(dataproviderId, second);
    await store.remove(dataproviderId, first);
    const quick = await store.begin(dataproviderId, second, BYTE_LENGTH);
    await writeAll(quick, rows);
    t.is(await codeOf(t, () => slow.commit(members(blocks))), "forbidden");
    await slow.abort();
    await quick.commit(members(blocks));
    await slow.abort();
    await opened.finish(dataproviderId);
    await store.remove(dataproviderId, first);
    const blockId = (await opened.blocksOf(dataproviderId)).get(hashed(1))!;
    const read = await store.readRange({ dataproviderId, blockId, from: 0, to: 100 }, BYTE_LENGTH);
    t.true(rows.equals(read.dataset.bytes));
    await store.remove(dataproviderId, second);
    t.is(await opened.countStored(dataproviderId, [first, second]), 0);
  });

  test("the successor of a killed upload finds none of its data", async (t) => {
    const opened = await open(t);
    const { store } = opened;
    const [first, second] = [token(), token()];
    const dataproviderId = await opened.addParty(first);
    const killed = await store.begin(dataproviderId, first, BYTE_LENGTH);
    await writeAll(killed, randomRows(600_000, BYTE_LENGTH, 4), 2 ** 20); // and then nothing more
    await opened.takeOver(dataproviderId, second);
    await store.remove(dataproviderId, first);
    const rows = randomRows(10);
    const writer = await store.begin(dataproviderId, second, BYTE_LENGTH);
    await writeAll(writer, rows);
    await writer.commit(members(new Map([[hashed(1), range(0, 10)]])));
    await opened.finish(dataproviderId);
    const blockId = (await opened.blocksOf(dataproviderId)).get(hashed(1))!;
    const read = await store.readBlocks(dataproviderId, [blockId], BYTE_LENGTH);
    t.true(rows.equals(read.dataset.bytes));
    await killed.abort(); // so that the test can end
  });

  test("stores and reads several uploads concurrently", async (t) => {
    const opened = await open(t);
    await Promise.all(
      range(0, 6).map(async (n) => {
        const rows = randomRows(20_000, BYTE_LENGTH, n);
        const odd = range(n % 2, 20_000, 2);
        const blocks = new Map([
          [hashed("odd"), odd],
          [hashed("ten"), range(0, 10)],
        ]);
        const { dataproviderId, ids } = await upload(opened, rows, blocks, { portion: 999 * BYTE_LENGTH });
        const blockId = ids.get(hashed("odd"))!;
        const read = await opened.store.readRange(
          { dataproviderId, blockId, from: 0, to: 30_000 },
          BYTE_LENGTH,
        );
        t.true(pick(rows, odd).equals(read.dataset.bytes));
      }),
    );
  });
}
