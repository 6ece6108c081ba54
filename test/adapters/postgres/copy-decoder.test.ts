import test from "ava";
import fc from "fast-check";
import { CopyDecoder } from "../../../src/adapters/postgres/copy-decoder.js";
import { ServiceError } from "../../../src/linkage/errors.js";

const HEADER = Buffer.concat([Buffer.from("PGCOPY\n\xff\r\n\0", "latin1"), Buffer.alloc(8)]);
const TRAILER = Buffer.from([0xff, 0xff]);

function rowBytes(fields: readonly (Buffer | null)[]): Buffer {
  const parts = [int16(fields.length)];
  for (const field of fields) parts.push(int32(field?.length ?? -1), field ?? Buffer.alloc(0));
  return Buffer.concat(parts);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function decode(fieldCount: number, chunks: readonly Buffer[]): Buffer[][] {
  const rows: Buffer[][] = [];
  const decoder = new CopyDecoder(fieldCount, (bytes, bounds) => {
    rows.push(
      Array.from({ length: fieldCount }, (_, n) =>
        Buffer.from(bytes.subarray(bounds[2 * n]!, bounds[2 * n + 1]!)),
      ),
    );
  });
  for (const chunk of chunks) decoder.write(chunk);
  decoder.end();
  return rows;
}

test("decodes the same rows wherever the chunks are split", (t) => {
  const field = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
  const rowsOf = (fieldCount: number) =>
    fc.array(fc.array(field, { minLength: fieldCount, maxLength: fieldCount }));
  const property = fc.property(
    fc.integer({ min: 1, max: 4 }).chain((count) => fc.tuple(fc.constant(count), rowsOf(count))),
    fc.array(fc.integer({ min: 0, max: 400 })),
    ([fieldCount, rows], cuts) => {
      const file = Buffer.concat([HEADER, ...rows.map(rowBytes), TRAILER]);
      const borders = [0, ...cuts.filter((cut) => cut < file.length).sort((a, b) => a - b), file.length];
      const chunks = borders.slice(1).map((to, n) => file.subarray(borders[n]!, to));
      t.deepEqual(decode(fieldCount, chunks), rows);
    },
  );
  fc.assert(property, { numRuns: 200 });
});

test("skips a header extension", (t) => {
  const header = Buffer.from(HEADER);
  header.writeUInt32BE(3, header.length - 4);
  t.deepEqual(decode(1, [header, Buffer.from("abc"), rowBytes([int32(7)]), TRAILER]), [[int32(7)]]);
});

const bad: [name: string, chunks: Buffer[]][] = [
  ["a stream without the signature", [Buffer.from("ERROR: something else")]],
  ["unknown critical flags", [Buffer.concat([HEADER.subarray(0, 11), int32(1 << 16), int32(0)])]],
  ["another number of fields", [HEADER, rowBytes([int32(1), int32(2)])]],
  ["NULL", [HEADER, rowBytes([null])]],
  ["an early end between rows", [HEADER, rowBytes([int32(1)])]],
  ["an early end within a row", [HEADER, rowBytes([int32(1)]).subarray(0, 5)]],
  ["empty input", []],
];
for (const [name, chunks] of bad) {
  test(`rejects ${name}`, (t) => {
    const error = t.throws(() => decode(1, chunks), { instanceOf: ServiceError });
    t.is(error.code, "store-failed");
  });
}
