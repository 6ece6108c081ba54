import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import type { BlockMembers } from "../../../src/linkage/encoding-store.js";
import { BlockSorter, oneBlockOf, PIECE_ROWS } from "../../../src/linkage/uploads/block-sorter.js";
import { MemoryBudget } from "../../../src/linkage/uploads/memory-budget.js";
import { seededRandom } from "../../random-clks.js";

const folder = mkdtempSync(join(tmpdir(), "block-sorter-"));
test.after.always(() => rmSync(folder, { recursive: true }));

/** Any 32 bytes will do. Some hashes share their first 8 bytes, as real ones may. */
function hashOf(name: number): Buffer {
  const hash = createHash("sha256").update(`${name}`).digest();
  if (name % 7 === 0) hash.fill(7, 0, 8);
  return hash;
}

function wordsOf(names: readonly number[]): Uint32Array {
  return new Uint32Array(Uint8Array.from(Buffer.concat(names.map(hashOf))).buffer);
}

interface Collected {
  readonly blocks: Map<string, number[]>;
  readonly pieces: number;
}

async function collect(members: AsyncIterable<BlockMembers>): Promise<Collected> {
  const blocks = new Map<string, number[]>();
  const counts = new Map<string, number>();
  let last = "";
  let pieces = 0;
  for await (const { name, recordCount, rows } of members) {
    pieces++;
    if (rows.length === 0 || rows.length > PIECE_ROWS) throw new Error(`a piece of ${rows.length} rows`);
    if (name < last) throw new Error("blocks out of order");
    last = name;
    if ((counts.get(name) ?? recordCount) !== recordCount) throw new Error("another number of rows");
    counts.set(name, recordCount);
    const known = blocks.get(name) ?? [];
    for (const row of rows) known.push(row);
    blocks.set(name, known);
  }
  for (const [name, rows] of blocks) {
    if (rows.length !== counts.get(name)) throw new Error("not as many rows as promised");
  }
  return { blocks, pieces };
}

/** Records with the names of their blocks. */
type Rows = readonly (readonly [row: number, names: readonly number[]])[];

function expectedOf(rows: Rows): Map<string, number[]> {
  const blocks = new Map<string, Set<number>>();
  for (const [row, names] of rows) {
    for (const name of names) {
      const hash = hashOf(name).toString("hex");
      blocks.set(hash, (blocks.get(hash) ?? new Set()).add(row));
    }
  }
  return new Map([...blocks].map(([hash, set]) => [hash, [...set].sort((a, b) => a - b)]));
}

async function sort(rows: Rows, memory: MemoryBudget, slack: number): Promise<Collected> {
  const sorter = new BlockSorter({ folder, memory }, slack);
  try {
    for (const [row, names] of rows) {
      sorter.add(row, wordsOf(names), names.length);
      await sorter.makeRoom();
    }
    return await collect(sorter.blocks());
  } finally {
    await sorter.close();
  }
}

function randomRows(seed: number, count: number, blockCount: number, isShuffled: boolean): Rows {
  const random = seededRandom(seed);
  const rows = Array.from({ length: count }, (_, row) => {
    const names = Array.from({ length: Math.floor(random() * 6) }, () => Math.floor(random() * blockCount));
    return [row, names] as const;
  });
  if (isShuffled) {
    for (let n = rows.length - 1; n > 0; n--) {
      const m = Math.floor(random() * (n + 1));
      [rows[n], rows[m]] = [rows[m]!, rows[n]!];
    }
  }
  return rows;
}

for (const [title, blockCount] of [
  ["few blocks", 3],
  ["some blocks", 200],
  ["mostly unshared blocks", 20_000],
] as const) {
  for (const isShuffled of [false, true]) {
    test(`${title}, rows ${isShuffled ? "in any order" : "ascending"}: sorts with any amount of memory`, async (t) => {
      const rows = randomRows(blockCount, 6000, blockCount, isShuffled);
      const expected = expectedOf(rows);
      for (const byteLength of [0, 20_000, 2 ** 26]) {
        const memory = new MemoryBudget(byteLength);
        const { blocks } = await sort(rows, memory, 8);
        t.deepEqual(blocks.size, expected.size);
        for (const [name, members] of expected) t.deepEqual(blocks.get(name), members);
        t.is(memory.take(byteLength, 0), byteLength, "all memory is given back");
      }
      t.deepEqual(readdirSync(folder), []);
    });
  }
}

test("a block larger than a piece is returned in pieces", async (t) => {
  const count = PIECE_ROWS + 1000;
  const rows: Rows = Array.from({ length: count }, (_, row) => [row, row % 1000 === 0 ? [1, 2] : [1]]);
  for (const byteLength of [0, 2 ** 26]) {
    const { blocks, pieces } = await sort(rows, new MemoryBudget(byteLength), 2000);
    t.is(pieces, 3);
    t.deepEqual(
      [...blocks.values()].map(({ length }) => length).sort(),
      [count, Math.ceil(count / 1000)].sort(),
    );
    t.true(blocks.get(hashOf(1).toString("hex"))!.every((row, n) => row === n));
  }
});

test("a block listed twice for a row contains the row once", async (t) => {
  const { blocks } = await sort([[4, [9, 3, 9]]], new MemoryBudget(0), 8);
  t.deepEqual([...blocks], [...expectedOf([[4, [3, 9]]])].sort());
});

test("without memberships, uses no memory or file and returns no blocks", async (t) => {
  const memory = new MemoryBudget(100);
  const sorter = new BlockSorter({ folder: "/nowhere", memory }, 8);
  sorter.add(0, new Uint32Array(0), 0);
  await sorter.makeRoom();
  t.deepEqual((await collect(sorter.blocks())).blocks, new Map());
  t.is(memory.take(100, 0), 100);
  await sorter.close();
});

test("temporary files are unlinked while in use, and stopping early releases them", async (t) => {
  const memory = new MemoryBudget(0);
  const sorter = new BlockSorter({ folder, memory }, 8);
  for (const [row, names] of randomRows(1, 2000, 500, false)) {
    sorter.add(row, wordsOf(names), names.length);
    await sorter.makeRoom();
  }
  t.deepEqual(readdirSync(folder), []);
  for await (const _ of sorter.blocks()) break;
  await sorter.close();
  await sorter.close();
  t.is(memory.take(1, 0), 0);
});

test("a missing folder is an error", async (t) => {
  const sorter = new BlockSorter({ folder: join(folder, "none"), memory: new MemoryBudget(0) }, 8);
  const add = async () => {
    for (let row = 0; row < 100; row++) {
      sorter.add(row, wordsOf([row]), 1);
      await sorter.makeRoom();
    }
  };
  await t.throwsAsync(add, { code: "ENOENT" });
  await sorter.close();
});

test("returns all rows in one block", async (t) => {
  const { blocks, pieces } = await collect(oneBlockOf(PIECE_ROWS * 2 + 5, "ab"));
  t.is(pieces, 3);
  t.true(blocks.get("ab")!.every((row, n) => row === n));
  t.is(blocks.get("ab")!.length, PIECE_ROWS * 2 + 5);
});
