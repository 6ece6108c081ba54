// `npm run bench:encoding-stores`: measures what each store of encodings costs on real servers, per million records of
// 128 bytes: bytes, seconds in, seconds out; without blocks, and with each record in 5 blocks of 10 records.
import { randomFillSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import pg from "pg";
import { FileObjectStore } from "../src/adapters/embedded/file-object-store.js";
import { MinioObjectStore } from "../src/adapters/minio/object-store.js";
import { ConnectionPool } from "../src/adapters/postgres/connection-pool.js";
import { PostgresDatabase } from "../src/adapters/postgres/database.js";
import { PostgresEncodingStore } from "../src/adapters/postgres/encoding-store.js";
import type { BlockMembers, WritableEncodingStore } from "../src/linkage/encoding-store.js";
import type { ObjectStore } from "../src/linkage/object-store.js";
import { PackedEncodingStore } from "../src/linkage/packed-encodings/packed-encoding-store.js";
import { startPostgres } from "../test/servers/postgres.js";
import { startS3 } from "../test/servers/s3.js";
import { addParty, blockIdsByName, tableBytes, vacuum } from "./encoding-tables.js";
import { machineName } from "./machine.js";
import { median, seconds } from "./measure.js";

const BYTE_LENGTH = 128;
const BLOCKS_PER_ROW = 5;
const ROWS_PER_BLOCK = 10;
/** Records per side in a chunk of 300 million comparisons. */
const RANGE_ROWS = 17_321;
/** Blocks in a package of small blocks. */
const PACKAGE_BLOCKS = 100_000;
/** Primes, so that their multiples visit all records, in a different order for each of a record's blocks. */
const STRIDES = [7_368_787, 15_485_863, 32_452_843, 49_979_687, 67_867_967];
const RESULTS = new URL("../docs/encoding-stores.md", import.meta.url);

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    runs: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const rowCount = values.quick ? 20_000 : Number(values.rows);
const runs = values.quick ? 1 : Number(values.runs);

interface Measured {
  readonly store: string;
  readonly usesBlocks: boolean;
  readonly byteCount: number;
  readonly secondsIn: number;
  readonly secondsOut: number;
}

const folder = mkdtempSync(join(tmpdir(), "bench-"));
const [postgres, s3] = await Promise.all([startPostgres(), startS3()]);
try {
  await postgres.createDatabase("entityservice");
  const connection = postgres.connection("entityservice");
  const pool = new ConnectionPool({ ...connection, minConnections: 1, maxConnections: 3 });
  const admin = new pg.Pool(connection);
  const database = new PostgresDatabase(pool);
  const { host, port, accessKey, secretKey } = s3;
  const s3Objects = new MinioObjectStore({
    ...{ host, port, accessKey, secretKey, bucket: "entityservice", secure: false },
  });
  await s3Objects.waitUntilReady();
  const packed = (objects: ObjectStore): [WritableEncodingStore, ObjectStore] => [
    new PackedEncodingStore(objects, database),
    objects,
  ];
  const stores: Record<string, [WritableEncodingStore, ObjectStore | undefined]> = {
    tables: [new PostgresEncodingStore(pool), undefined],
    "packed, S3": packed(s3Objects),
    "packed, files": packed(await FileObjectStore.open(folder)),
  };
  const all: Measured[] = [];
  for (const usesBlocks of [false, true]) {
    for (const [store, [encodings, objects]] of Object.entries(stores)) {
      const measured: Measured[] = [];
      for (let run = 0; run < runs; run++) {
        measured.push({
          store,
          usesBlocks,
          ...(await measure(encodings, objects, { database, admin }, usesBlocks)),
        });
      }
      const middle = <Key extends "secondsIn" | "secondsOut">(key: Key) =>
        median(measured.map((one) => one[key]));
      const cell = { ...measured[0]!, secondsIn: middle("secondsIn"), secondsOut: middle("secondsOut") };
      console.error(cell);
      all.push(cell);
    }
  }
  const table = toTable(all);
  console.log(table);
  if (values.quick) console.error("quick sizes: the numbers say nothing");
  else if (values.write) writeResults(table);
  await pool.close();
  await admin.end();
} finally {
  await Promise.all([postgres.remove(), s3.remove()]);
  rmSync(folder, { recursive: true, force: true });
}

async function measure(
  encodings: WritableEncodingStore,
  objects: ObjectStore | undefined,
  { database, admin }: { readonly database: PostgresDatabase; readonly admin: pg.Pool },
  usesBlocks: boolean,
): Promise<Pick<Measured, "byteCount" | "secondsIn" | "secondsOut">> {
  const { dataproviderId, receiptToken } = await addParty(database, (token) => encodings.fileOf(token));
  const before = await tableBytes(admin);
  let blockCount = 0;
  const secondsIn = await seconds(async () => {
    const writer = await encodings.begin(dataproviderId, receiptToken, BYTE_LENGTH);
    const chunk = Buffer.alloc(8192 * BYTE_LENGTH);
    for (let from = 0; from < rowCount; from += 8192) {
      const bytes = chunk.subarray(0, BYTE_LENGTH * Math.min(8192, rowCount - from));
      await writer.write(randomFillSync(bytes));
    }
    ({ blockCount } = await writer.commit(usesBlocks ? smallBlocks() : oneBlock()));
  });
  const summary = { recordCount: rowCount, blockCount, encodingSize: BYTE_LENGTH };
  await database.finishUpload(dataproviderId, receiptToken, summary, "ready");
  const file = encodings.fileOf(receiptToken);
  const objectBytes = file === undefined ? 0 : ((await objects!.byteLengthOf(file)) ?? 0);
  const byteCount = (await tableBytes(admin)) - before + objectBytes;
  const blockIds = await blockIdsByName(admin, dataproviderId);
  const secondsOut = await seconds(async () => {
    if (usesBlocks) {
      for (let from = 0; from < blockIds.length; from += PACKAGE_BLOCKS) {
        await encodings.readBlocks(dataproviderId, blockIds.slice(from, from + PACKAGE_BLOCKS), BYTE_LENGTH);
      }
      return;
    }
    for (let from = 0; from < rowCount; from += RANGE_ROWS) {
      const range = { dataproviderId, blockId: blockIds[0]!, from, to: from + RANGE_ROWS };
      await encodings.readRange(range, BYTE_LENGTH);
    }
  });
  await encodings.remove(dataproviderId, receiptToken);
  await vacuum(admin);
  return { byteCount, secondsIn, secondsOut };
}

async function* oneBlock(): AsyncGenerator<BlockMembers> {
  const piece = 1 << 18;
  for (let from = 0; from < rowCount; from += piece) {
    const rows = Uint32Array.from({ length: Math.min(piece, rowCount - from) }, (_, n) => from + n);
    yield { name: "1".repeat(64), recordCount: rowCount, rows };
  }
}

/** Blocks in the order of their names, as uploads sort them; the order is unrelated to their records. */
async function* smallBlocks(): AsyncGenerator<BlockMembers> {
  const perKey = Math.floor(rowCount / ROWS_PER_BLOCK);
  const count = BLOCKS_PER_ROW * perKey;
  for (let n = 0; n < count; n++) {
    const block = (n * 86_028_121) % count;
    const stride = STRIDES[Math.floor(block / perKey)]!;
    const first = (block % perKey) * ROWS_PER_BLOCK;
    const rows = Uint32Array.from(
      { length: ROWS_PER_BLOCK },
      (_, r) => ((first + r) * stride) % rowCount,
    ).sort();
    yield { name: n.toString(16).padStart(64, "0"), recordCount: ROWS_PER_BLOCK, rows };
  }
}

function toTable(all: readonly Measured[]): string {
  const perMillion = 1e6 / rowCount;
  const lines = all.map(({ store, usesBlocks, byteCount, secondsIn, secondsOut }) =>
    [
      "",
      store,
      usesBlocks ? `${BLOCKS_PER_ROW} of ${ROWS_PER_BLOCK} rows` : "none",
      ((byteCount * perMillion) / 1e6).toFixed(0),
      (secondsIn * perMillion).toFixed(1),
      (secondsOut * perMillion).toFixed(1),
      "",
    ].join(" | "),
  );
  const head =
    "| store | blocks of a row | MB | seconds in | seconds out |\n| --- | --- | ---: | ---: | ---: |";
  return [head, ...lines.map((line) => line.trim())].join("\n");
}

/** Writes the table between the markers of the page. */
function writeResults(table: string): void {
  const page = readFileSync(RESULTS, "utf8");
  const about = `${machineName()}; Node ${process.versions.node}. Medians of ${runs} runs.`;
  const [before, , after] = page.split(/<!-- (?:results|end of results) -->\n/);
  const middle = `<!-- results -->\n${about}\n\n${table}\n<!-- end of results -->\n`;
  writeFileSync(RESULTS, `${before}${middle}${after}`);
}
