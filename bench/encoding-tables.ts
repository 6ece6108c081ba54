import { randomBytes } from "node:crypto";
import type pg from "pg";
import type { Database } from "../src/linkage/database.js";

const TABLES = ["encodings", "encodingblocks", "blocks"];

/** A party whose upload is pending. */
export interface PendingParty {
  readonly dataproviderId: number;
  readonly receiptToken: string;
}

const token = () => randomBytes(24).toString("hex");

/** @param fileOf returns the object that will hold an upload, if it is stored in one */
export async function addParty(
  database: Database,
  fileOf: (receiptToken: string) => string | undefined,
): Promise<PendingParty> {
  const projectId = token();
  const description = { projectId, resultToken: token(), resultType: "groups", schema: {} } as const;
  const more = { name: "", notes: "", partyCount: 2, usesBlocking: true };
  await database.addProject({ ...description, ...more }, [token(), token()]);
  const [party] = await database.listDataproviders(projectId);
  const receiptToken = token();
  await database.beginUpload(party!.id, receiptToken, fileOf(receiptToken));
  return { dataproviderId: party!.id, receiptToken };
}

/** Bytes of the tables that hold encodings and blocks, including their indexes. */
export async function tableBytes(admin: pg.Pool): Promise<number> {
  const { rows } = await admin.query<{ size: string }>(
    "SELECT sum(pg_total_relation_size(name::regclass)) AS size FROM unnest($1::text[]) AS name",
    [TABLES],
  );
  return Number(rows[0]!.size);
}

/** Reclaims the space of deleted rows. */
export async function vacuum(admin: pg.Pool): Promise<void> {
  await admin.query(`VACUUM FULL ${TABLES.join()}`);
}

export async function blockIdsByName(admin: pg.Pool, dataproviderId: number): Promise<number[]> {
  const { rows } = await admin.query<{ block_id: number }>(
    "SELECT block_id FROM blocks WHERE dp = $1 ORDER BY block_name",
    [dataproviderId],
  );
  return rows.map((row) => row.block_id);
}
