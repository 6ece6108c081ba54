import { randomBytes } from "node:crypto";
import type pg from "pg";
import type { UploadDatabase } from "../src/linkage/database.js";
import type { Upload } from "../src/linkage/project.js";

/** What a store of encodings needs of the database, on a real one; and what it stores there. */
export class PostgresUploads implements Pick<UploadDatabase, "findUpload" | "addBlocks" | "removeBlocks"> {
  readonly #uploads = new Map<number, Upload>();

  constructor(readonly database: pg.Pool) {}

  async addParty(fileOf: (receiptToken: string) => string | undefined) {
    const receiptToken = randomBytes(24).toString("hex");
    const { rows } = await this.database.query<{ id: number }>(
      "INSERT INTO dataproviders (token, uploaded) VALUES ($1, 'in_progress') RETURNING id",
      [randomBytes(24).toString("hex")],
    );
    const dataproviderId = rows[0]!.id;
    await this.database.query("INSERT INTO uploads (dp, token, state, count) VALUES ($1, $2, 'pending', 0)", [
      dataproviderId,
      receiptToken,
    ]);
    this.#uploads.set(dataproviderId, {
      receiptToken,
      state: "pending",
      recordCount: 0,
      blockCount: 0,
      encodingSize: undefined,
      file: fileOf(receiptToken),
      timeAdded: new Date(),
    });
    return { dataproviderId, receiptToken };
  }

  async finish(dataproviderId: number): Promise<void> {
    this.#uploads.set(dataproviderId, { ...this.#uploads.get(dataproviderId)!, state: "ready" });
  }

  async findUpload(dataproviderId: number): Promise<Upload | undefined> {
    return this.#uploads.get(dataproviderId);
  }

  async addBlocks(
    dataproviderId: number,
    _receiptToken: string,
    blocks: readonly { name: string; recordCount: number }[],
  ): Promise<readonly number[]> {
    const { rows } = await this.database.query<{ block_id: number }>(
      `INSERT INTO blocks (dp, block_name, count, state)
       SELECT $1, name, count, 'ready'
       FROM unnest($2::text[], $3::integer[]) WITH ORDINALITY AS block (name, count, position)
       ORDER BY position
       RETURNING block_id`,
      [dataproviderId, blocks.map(({ name }) => name), blocks.map(({ recordCount }) => recordCount)],
    );
    return rows.map((row) => row.block_id);
  }

  async removeBlocks(dataproviderId: number): Promise<void> {
    await this.database.query("DELETE FROM blocks WHERE dp = $1", [dataproviderId]);
  }

  async blockIdsByName(dataproviderId: number): Promise<number[]> {
    const { rows } = await this.database.query<{ block_id: number }>(
      "SELECT block_id FROM blocks WHERE dp = $1 ORDER BY block_name",
      [dataproviderId],
    );
    return rows.map((row) => row.block_id);
  }

  /** Bytes of the tables that hold encodings and blocks, with their indexes. */
  async byteCount(): Promise<number> {
    const { rows } = await this.database.query<{ size: string }>(
      `SELECT sum(pg_total_relation_size(name::regclass)) AS size
       FROM unnest(ARRAY['encodings', 'encodingblocks', 'blocks']) AS name`,
    );
    return Number(rows[0]!.size);
  }

  async vacuum(): Promise<void> {
    await this.database.query("VACUUM FULL encodings, encodingblocks, blocks");
  }
}
