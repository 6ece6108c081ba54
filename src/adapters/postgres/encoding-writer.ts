import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { type BlockBatch, batchBlocks } from "../../linkage/block-batches.js";
import type { BlockMembers, EncodingWriter } from "../../linkage/encoding-store.js";
import { ServiceError } from "../../linkage/errors.js";
import type { ConnectionPool } from "./connection-pool.js";
import { CopyEncoder } from "./copy-encoder.js";
import { lockSlot, removeStored } from "./stored-upload.js";

/** Bytes sent per COPY: what the writer holds in memory, and what the server checks at once. */
const COPY_BYTE_LENGTH = 4 * 2 ** 20;
/** The column `entity_id` is a signed 32-bit number. */
const MAX_ROWS = 2 ** 31 - 1;

/**
 * Writes an upload into the tables. Encodings arrive at the client's pace, and are invisible until a block contains
 * them: each 4 MiB are written in a separate transaction, so that a slow client holds neither a connection nor a long
 * transaction. The blocks, which make all of it visible, are written in one transaction at the end.
 */
export class PostgresEncodingWriter implements EncodingWriter {
  readonly #pool: ConnectionPool;
  readonly #dataproviderId: number;
  readonly #receiptToken: string;
  readonly #byteLength: number;
  readonly #copy = new CopyEncoder(COPY_BYTE_LENGTH + 2 ** 16);
  #recordCount = 0;
  #sentCount = 0;

  constructor(pool: ConnectionPool, dataproviderId: number, receiptToken: string, byteLength: number) {
    this.#pool = pool;
    this.#dataproviderId = dataproviderId;
    this.#receiptToken = receiptToken;
    this.#byteLength = byteLength;
  }

  async write(rows: Uint8Array): Promise<void> {
    if (rows.length % this.#byteLength !== 0) {
      const message = `The encodings must be whole rows of ${this.#byteLength} bytes, not ${rows.length} bytes.`;
      throw new ServiceError("invalid-arguments", message, { subject: "encodings" });
    }
    if (this.#recordCount + rows.length / this.#byteLength > MAX_ROWS) {
      const message = `The upload has more than ${MAX_ROWS} rows, which is the limit.`;
      throw new ServiceError("invalid-arguments", message, { subject: "encodings" });
    }
    for (let from = 0; from < rows.length; from += this.#byteLength) {
      const row = this.#recordCount++;
      this.#copy.beginRow(3);
      this.#copy.int64(this.#dataproviderId, row);
      this.#copy.numberedBytes(row, rows.subarray(from, from + this.#byteLength));
      this.#copy.int32(this.#dataproviderId);
      if (this.#copy.length >= COPY_BYTE_LENGTH) await this.#sendEncodings();
    }
  }

  async commit(blocks: AsyncIterable<BlockMembers>): Promise<{ readonly blockCount: number }> {
    if (!this.#copy.isEmpty) await this.#sendEncodings();
    return this.#pool.useOnce(async (client) => {
      await client.query("BEGIN");
      await lockSlot(client, this.#dataproviderId, this.#receiptToken);
      let blockCount = 0;
      for await (const batch of batchBlocks(blocks, this.#recordCount)) {
        await this.#writeBatch(client, batch);
        blockCount += batch.blocks.length;
      }
      await client.query("COMMIT");
      return { blockCount };
    });
  }

  async abort(): Promise<void> {
    this.#copy.clear();
    const removal = this.#pool.use(async (client) => {
      await client.query("BEGIN");
      await removeStored(client, this.#dataproviderId, this.#receiptToken, ["pending", "ready"]);
      await client.query("COMMIT");
    });
    await removal.catch(() => {}); // the party's next upload removes it
  }

  async #sendEncodings(): Promise<void> {
    await this.#pool.use(async (client) => {
      await client.query("BEGIN");
      await lockSlot(client, this.#dataproviderId, this.#receiptToken);
      // If the connection is lost during COMMIT, this runs again, and the encodings may be stored already.
      await client.query(
        `DELETE FROM encodings
         WHERE encoding_id >= ($1::integer::bigint << 32) + $2::integer
           AND encoding_id < ($1::integer::bigint << 32) + $3::integer`,
        [this.#dataproviderId, this.#sentCount, this.#recordCount],
      );
      await copyIn(client, "encodings (encoding_id, encoding, dp)", this.#copy);
      await client.query("COMMIT");
    });
    this.#sentCount = this.#recordCount;
    this.#copy.clear();
  }

  async #writeBatch(client: pg.ClientBase, { blocks, pieces }: BlockBatch): Promise<void> {
    const { rows: ids } = await client.query<{ id: number }>(
      `SELECT nextval(pg_get_serial_sequence('blocks', 'block_id'))::integer AS id
       FROM generate_series(1, $1::integer)`,
      [blocks.length],
    );
    const copy = this.#copy;
    blocks.forEach(({ name, recordCount }, n) => {
      copy.beginRow(5);
      copy.int32(this.#dataproviderId);
      copy.text(name);
      copy.int32(ids[n]!.id);
      copy.int32(recordCount);
      copy.text("ready");
    });
    await this.#send(client, "blocks (dp, block_name, block_id, count, state)");
    for await (const { index, rows } of pieces) {
      const { id } = ids[index]!;
      for (const row of rows) {
        copy.beginRow(4);
        copy.int32(this.#dataproviderId);
        copy.int32(row);
        copy.int64(this.#dataproviderId, row);
        copy.int32(id);
        if (copy.length >= COPY_BYTE_LENGTH) await this.#send(client, MEMBERSHIPS);
      }
    }
    if (!copy.isEmpty) await this.#send(client, MEMBERSHIPS);
  }

  async #send(client: pg.ClientBase, columns: string): Promise<void> {
    await copyIn(client, columns, this.#copy);
    this.#copy.clear();
  }
}

const MEMBERSHIPS = "encodingblocks (dp, entity_id, encoding_id, block_id)";

async function copyIn(client: pg.ClientBase, columns: string, copy: CopyEncoder): Promise<void> {
  const stream = client.query(copyFrom(`COPY ${columns} FROM STDIN (FORMAT binary)`));
  await new Promise<void>((resolve, reject) => {
    stream.on("error", reject).on("finish", resolve);
    stream.end(copy.finish());
  });
}
