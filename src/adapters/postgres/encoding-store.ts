import { to as copyTo } from "pg-copy-streams";
import { GrowableUint32 } from "../../core/growable-uint32.js";
import type {
  BlockRows,
  EncodingWriter,
  StoredBlocks,
  StoredEncodings,
  WritableEncodingStore,
} from "../../linkage/encoding-store.js";
import { ServiceError } from "../../linkage/errors.js";
import type { ConnectionPool } from "./connection-pool.js";
import { CopyDecoder, type OnCopyRow } from "./copy-decoder.js";
import { EncodingCollector } from "./encoding-collector.js";
import { PostgresEncodingWriter } from "./encoding-writer.js";
import { lockSlot, removeAll, removeStored } from "./stored-upload.js";

/** Memory is preallocated for at most this many rows, because the range may promise too many. */
const MAX_EXPECTED_ROWS = 10_000_000;

/** An encoding's id is 64 bits, big-endian: `dp` in the upper half, the entity id in the lower one. */
const ENTITY_ID_OFFSET = 4;

/** Encodings in the tables `encodings` and `encodingblocks`, which Python workers read too. */
export class PostgresEncodingStore implements WritableEncodingStore {
  readonly #pool: ConnectionPool;

  constructor(pool: ConnectionPool) {
    this.#pool = pool;
  }

  /** None: encodings are in tables. */
  fileOf(): undefined {
    return undefined;
  }

  async begin(dataproviderId: number, receiptToken: string, byteLength: number): Promise<EncodingWriter> {
    // A writer that was killed has not removed what it had stored.
    await this.#pool.use(async (client) => {
      await client.query("BEGIN");
      await lockSlot(client, dataproviderId, receiptToken);
      await removeAll(client, dataproviderId);
      await client.query("COMMIT");
    });
    return new PostgresEncodingWriter(this.#pool, dataproviderId, receiptToken, byteLength);
  }

  async remove(dataproviderId: number, receiptToken: string): Promise<void> {
    await this.#pool.use(async (client) => {
      await client.query("BEGIN");
      await removeStored(client, dataproviderId, receiptToken, ["ready"]);
      await client.query("COMMIT");
    });
  }

  async readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings> {
    const { dataproviderId, blockId, from, to } = rows;
    const statement = `
      SELECT member.entity_id, encoding
      FROM (
        SELECT entity_id, encoding_id
        FROM encodingblocks
        WHERE dp = ${whole(dataproviderId)} AND block_id = ${whole(blockId)}
        ORDER BY entity_id
        OFFSET ${whole(from)} LIMIT ${whole(to - from)}
      ) AS member
      JOIN encodings USING (encoding_id)
      ORDER BY member.entity_id`;
    return this.#read(statement, 2, signal, () => {
      const collector = new EncodingCollector(byteLength, Math.min(to - from, MAX_EXPECTED_ROWS));
      return {
        onRow: (bytes, bounds) => {
          collector.add(bytes.readInt32BE(bounds[0]!), bytes, bounds[2]!, bounds[3]!);
        },
        build: () => {
          if (collector.recordCount === 0) throw missing(blockId, `rows from ${from} on`);
          return collector.build();
        },
      };
    });
  }

  async readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks> {
    // Each encoding is sent once, with all of its blocks. Its id contains the entity id, so both sort alike.
    const statement = `
      SELECT encoding_id, member.block_ids, encoding
      FROM (
        SELECT encoding_id, array_agg(block_id) AS block_ids
        FROM encodingblocks
        WHERE dp = ${whole(dataproviderId)} AND block_id = ANY ('{${blockIds.map(whole).join()}}'::integer[])
        GROUP BY encoding_id
      ) AS member
      JOIN encodings USING (encoding_id)
      ORDER BY encoding_id`;
    return this.#read(statement, 3, signal, () => {
      const collector = new EncodingCollector(byteLength);
      const memberships = new Memberships(blockIds);
      return {
        onRow: (bytes, bounds) => {
          const entityId = bytes.readUInt32BE(bounds[0]! + ENTITY_ID_OFFSET);
          const record = collector.add(entityId, bytes, bounds[4]!, bounds[5]!);
          readIntegerArray(bytes, bounds[2]!, bounds[3]!, (blockId) => memberships.add(blockId, record));
        },
        build: () => ({ ...memberships.build(), ...collector.build() }),
      };
    });
  }

  /** Runs a query by binary COPY and decodes its rows as they arrive; starts over if the connection is lost. */
  #read<T>(
    statement: string,
    fieldCount: number,
    signal: AbortSignal | undefined,
    start: () => { readonly onRow: OnCopyRow; readonly build: () => T },
  ): Promise<T> {
    return this.#pool.use(async (client) => {
      signal?.throwIfAborted();
      const { onRow, build } = start();
      const decoder = new CopyDecoder(fieldCount, onRow);
      const stream = client.query(copyTo(`COPY (${statement}) TO STDOUT (FORMAT binary)`));
      // A connection may also be lost after all rows have arrived, when no one listens anymore.
      stream.on("error", () => {});
      const onAbort = () => stream.destroy(signal!.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      try {
        for await (const chunk of stream) decoder.write(chunk as Buffer);
        decoder.end();
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
      return build();
    }, signal);
  }
}

/** Which records are in which of the requested blocks. */
class Memberships {
  readonly #blockIds: readonly number[];
  readonly #positions: Map<number, number>;
  readonly #blocks = new GrowableUint32();
  readonly #records = new GrowableUint32();
  readonly #lastRecords: Int32Array;

  constructor(blockIds: readonly number[]) {
    this.#blockIds = blockIds;
    this.#positions = new Map(blockIds.map((blockId, position) => [blockId, position]));
    this.#lastRecords = new Int32Array(blockIds.length).fill(-1);
  }

  /** Add records in ascending order; one that is in a block twice counts once. */
  add(blockId: number, record: number): void {
    const position = this.#positions.get(blockId)!;
    if (this.#lastRecords[position] === record) return;
    this.#lastRecords[position] = record;
    this.#blocks.push(position);
    this.#records.push(record);
  }

  /** @throws ServiceError `missing-encodings` */
  build(): { starts: Uint32Array; records: Uint32Array } {
    const empty = this.#lastRecords.indexOf(-1);
    if (empty >= 0) throw missing(this.#blockIds[empty]!, "rows");
    const blocks = this.#blocks.view();
    const starts = new Uint32Array(this.#blockIds.length + 1);
    for (let n = 0; n < blocks.length; n++) starts[blocks[n]! + 1]!++;
    for (let b = 0; b + 1 < starts.length; b++) starts[b + 1]! += starts[b]!;
    const next = starts.slice();
    const records = new Uint32Array(blocks.length);
    for (let n = 0; n < blocks.length; n++) records[next[blocks[n]!]!++] = this.#records.at(n);
    return { starts, records };
  }
}

/**
 * Reads an array of integers in PostgreSQL's binary format: the number of dimensions, flags and the element type; for
 * the one dimension its length and lower bound; then for each value its length and the value.
 */
function readIntegerArray(bytes: Buffer, from: number, to: number, onValue: (value: number) => void): void {
  const count = bytes.readInt32BE(from) === 0 ? 0 : bytes.readInt32BE(from + 12);
  if (to - from !== (count === 0 ? 12 : 20 + 8 * count)) {
    throw new ServiceError("store-failed", "PostgreSQL sent an array that does not consist of integers.");
  }
  for (let n = 0; n < count; n++) onValue(bytes.readInt32BE(from + 24 + 8 * n));
}

function missing(blockId: number, rows: string): ServiceError {
  return new ServiceError("missing-encodings", `Block ${blockId} has no ${rows}.`);
}

/** Formats a whole number for a statement, because COPY takes no parameters. */
function whole(value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  const message = "Ids and row indices must be whole numbers.";
  throw new ServiceError("invalid-arguments", message, { subject: "id or row" });
}
