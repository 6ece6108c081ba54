// Projects as the Python service stores them: the database rows after uploads and the start of a run.
import { createHash, randomBytes } from "node:crypto";
import type pg from "pg";
import type { ClkDataset } from "../../src/core/clk-dataset.js";

export interface PartyData {
  readonly dataset: ClkDataset;
  /** The block names of each record. If undefined, all records are in one block, `1`. */
  readonly blocks?: readonly (readonly string[])[];
}

export interface StoredBlock {
  readonly blockId: number;
  readonly recordCount: number;
}

export interface StoredParty {
  readonly dataproviderId: number;
  /** Blocks by the name that the party gave them. */
  readonly blocks: ReadonlyMap<string, StoredBlock>;
}

export interface StoredProject {
  readonly projectId: string;
  readonly runId: string;
  readonly parties: readonly StoredParty[];
}

const INSERTED_AT_ONCE = 5000;

/** Stores a project with all parties' uploads, and a run in the state `running`. */
export async function storeProject(
  client: pg.ClientBase | pg.Pool,
  parties: readonly PartyData[],
  options: { readonly threshold?: number; readonly resultType?: string } = {},
): Promise<StoredProject> {
  const { threshold = 0.8, resultType = "groups" } = options;
  const projectId = randomId();
  const runId = randomId();
  const usesBlocking = parties.some(({ blocks }) => blocks !== undefined);
  await client.query(
    `INSERT INTO projects (project_id, access_token, schema, encoding_size, name, notes, parties, result_type, uses_blocking)
     VALUES ($1, $2, '{}', $3, '', '', $4, $5, $6)`,
    [projectId, randomId(), parties[0]!.dataset.byteLength, parties.length, resultType, usesBlocking],
  );
  const stored: StoredParty[] = [];
  for (const party of parties) stored.push(await storeParty(client, projectId, party));
  await client.query(
    `INSERT INTO runs (run_id, project, name, notes, threshold, state, stage, type, time_started)
     VALUES ($1, $2, '', '', $3, 'running', 2, $4, now())`,
    [runId, projectId, threshold, resultType === "similarity_scores" ? "no_mapping" : "default"],
  );
  return { projectId, runId, parties: stored };
}

async function storeParty(
  client: pg.ClientBase | pg.Pool,
  projectId: string,
  { dataset, blocks }: PartyData,
): Promise<StoredParty> {
  const { recordCount, byteLength, bytes } = dataset;
  const inserted = await client.query<{ id: number }>(
    "INSERT INTO dataproviders (token, uploaded, project) VALUES ($1, 'done', $2) RETURNING id",
    [randomId(), projectId],
  );
  const dataproviderId = inserted.rows[0]!.id;
  const rowsOf = new Map<string, number[]>();
  for (let row = 0; row < recordCount; row++) {
    for (const name of blocks === undefined ? ["1"] : blocks[row]!) {
      const rows = rowsOf.get(name);
      if (rows === undefined) rowsOf.set(name, [row]);
      else rows.push(row);
    }
  }
  await client.query(
    `INSERT INTO uploads (dp, token, state, encoding_size, count, block_count)
     VALUES ($1, $2, 'ready', $3, $4, $5)`,
    [dataproviderId, randomId(), byteLength, recordCount, rowsOf.size],
  );
  for (let from = 0; from < recordCount; from += INSERTED_AT_ONCE) {
    const rows = Array.from({ length: Math.min(INSERTED_AT_ONCE, recordCount - from) }, (_, n) => from + n);
    const encodings = rows.map((row) => {
      const encoding = Buffer.alloc(4 + byteLength);
      encoding.writeUInt32BE(row);
      encoding.set(bytes.subarray(row * byteLength, (row + 1) * byteLength), 4);
      return encoding;
    });
    await client.query(
      `INSERT INTO encodings (encoding_id, encoding, dp)
       SELECT ($1::integer::bigint << 32) + entity_id, encoding, $1
       FROM unnest($2::integer[], $3::bytea[]) AS row (entity_id, encoding)`,
      [dataproviderId, rows, encodings],
    );
  }
  const storedBlocks = new Map<string, StoredBlock>();
  for (const [name, rows] of rowsOf) {
    const blockId = await storeBlock(client, dataproviderId, name, rows);
    storedBlocks.set(name, { blockId, recordCount: rows.length });
  }
  return { dataproviderId, blocks: storedBlocks };
}

/** Stores a block and its records, in descending order, because readers must not rely on any order. */
async function storeBlock(
  client: pg.ClientBase | pg.Pool,
  dataproviderId: number,
  name: string,
  rows: readonly number[],
): Promise<number> {
  const { rows: inserted } = await client.query<{ block_id: number }>(
    "INSERT INTO blocks (dp, block_name, count, state) VALUES ($1, $2, $3, 'ready') RETURNING block_id",
    [dataproviderId, hashedBlockName(name), rows.length],
  );
  const blockId = inserted[0]!.block_id;
  await client.query(
    `INSERT INTO encodingblocks (dp, entity_id, encoding_id, block_id)
     SELECT $1, entity_id, ($1::integer::bigint << 32) + entity_id, $2
     FROM unnest($3::integer[]) AS entity_id
     ORDER BY entity_id DESC`,
    [dataproviderId, blockId, rows],
  );
  return blockId;
}

/** Not the service's hash, which Node lacks: it is enough that equal names have equal hashes. */
function hashedBlockName(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

function randomId(): string {
  return randomBytes(24).toString("hex");
}
