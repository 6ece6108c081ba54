// The building blocks of packed encodings.
import test from "ava";
import fc from "fast-check";
import { PushedBytes } from "../../../src/linkage/packed-encodings/pushed-bytes.js";
import { MAX_GAP, readPieces } from "../../../src/linkage/packed-encodings/read-pieces.js";
import { RowRanks } from "../../../src/linkage/packed-encodings/row-ranks.js";

test("row ranks equal positions in a sorted set", (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1 }),
      fc.nat(2 ** 32 - 301),
      (some, by) => {
        const rows = Uint32Array.from(some, (row) => row + by);
        const expected = [...new Set(rows)].sort((a, b) => a - b);
        const ranks = new RowRanks(rows);
        t.deepEqual([...ranks.toRows()], expected);
        expected.forEach((row, rank) => {
          t.is(ranks.rankOf(row), rank);
        });
      },
    ),
  );
  t.deepEqual([...new RowRanks(Uint32Array.of(2 ** 32 - 1, 0)).toRows()].length, 2);
});

test("reads pieces of a file with few requests, for any chunk size", async (t) => {
  const file = Buffer.alloc(4 * MAX_GAP);
  for (let n = 0; n < file.length; n += 4) file.writeUInt32LE(n, n);
  const pieces = [
    [0, 5],
    [5, 3],
    [100, 0],
    [200, 70_000],
    [70_200 + MAX_GAP, 9],
    [70_209 + 2 * MAX_GAP + 1, 100],
    [4 * MAX_GAP - 1, 1],
  ] as const;
  for (const chunkLength of [1000, 65_536, file.length]) {
    let requests = 0;
    const objects = {
      async *get(_name: string, range?: { from: number; byteLength: number }) {
        requests++;
        const end = range!.from + range!.byteLength;
        for (let at = range!.from; at < end; at += chunkLength) {
          yield file.subarray(at, Math.min(end, at + chunkLength));
        }
      },
    };
    const received = pieces.map(([, byteLength]) => Buffer.alloc(byteLength));
    const lists = {
      count: pieces.length,
      offsetOf: (n: number) => pieces[n]![0],
      byteLengthOf: (n: number) => pieces[n]![1],
    };
    await readPieces(objects, "file", lists, (n, at, bytes) => received[n]!.set(bytes, at));
    pieces.forEach(([offset, byteLength], n) => {
      t.true(received[n]!.equals(file.subarray(offset, offset + byteLength)), `piece ${n}`);
    });
    t.is(requests, 3);
  }
});

test("pushed bytes arrive in order, and their buffer is reusable once push resolves", async (t) => {
  const pushed = new PushedBytes();
  const received: number[] = [];
  const reading = (async () => {
    for await (const bytes of pushed) {
      await new Promise(setImmediate);
      received.push(...bytes);
    }
  })();
  const buffer = new Uint8Array(3);
  for (let n = 0; n < 50; n++) {
    buffer.fill(n);
    await pushed.push(buffer);
  }
  await pushed.push(new Uint8Array(0));
  pushed.end();
  await reading;
  t.deepEqual(
    received,
    Array.from({ length: 150 }, (_, n) => Math.floor(n / 3)),
  );
});

test("a failure rejects both the writer and the reader", async (t) => {
  const waiting = new PushedBytes();
  const pushing = waiting.push(Uint8Array.of(1));
  waiting.fail(new Error("first"));
  waiting.fail(new Error("second"));
  await t.throwsAsync(pushing, { message: "first" });
  await t.throwsAsync(waiting.push(Uint8Array.of(1)), { message: "first" });
  await t.throwsAsync(waiting[Symbol.asyncIterator]().next(), { message: "first" });

  const read = new PushedBytes();
  const next = read[Symbol.asyncIterator]().next();
  await Promise.resolve();
  read.fail(new Error("first"));
  await t.throwsAsync(next, { message: "first" });
});
