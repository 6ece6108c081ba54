import type { Dataprovider, PartyState, Upload, UploadState } from "../../linkage/project.js";
import { mayBeDataproviderId, mayBeId } from "./known-ids.js";
import { NOT_DELETED } from "./project-statements.js";
import type { SqlConnection } from "./sql-connection.js";
import { millisecondsOf, toDate } from "./times.js";

interface UploadRow {
  readonly receipt_token: string;
  readonly state: UploadState;
  readonly count: number;
  readonly block_count: number;
  readonly encoding_size: number | null;
  readonly file: string | null;
  readonly time_added: number | null;
}

const UPLOAD_COLUMNS = `
  uploads.token::text AS receipt_token, uploads.state::text AS state, uploads.count, uploads.block_count,
  uploads.encoding_size, uploads.file::text AS file, ${millisecondsOf("uploads.ts")} AS time_added`;

interface DataproviderRow extends Omit<UploadRow, "receipt_token"> {
  readonly id: number;
  readonly update_token: string;
  readonly uploaded: PartyState;
  readonly receipt_token: string | null;
}

export async function listDataproviders(
  connection: SqlConnection,
  projectId: string,
): Promise<Dataprovider[]> {
  if (!mayBeId(projectId)) return [];
  // `uploads` has no index on the party, so it is scanned once, not once per party.
  const rows = await connection.query<DataproviderRow>(
    `WITH parties AS (
       SELECT dataproviders.id, dataproviders.token, dataproviders.uploaded
       FROM dataproviders JOIN projects ON projects.project_id = dataproviders.project
       WHERE dataproviders.project = $1 AND ${NOT_DELETED}
     ), newest AS (
       SELECT dp, max(id) AS id FROM uploads WHERE dp IN (SELECT id FROM parties) GROUP BY dp
     )
     SELECT parties.id, parties.token::text AS update_token, parties.uploaded::text AS uploaded, ${UPLOAD_COLUMNS}
     FROM parties
     LEFT JOIN newest ON newest.dp = parties.id
     LEFT JOIN uploads ON uploads.id = newest.id
     ORDER BY parties.id`,
    [projectId],
  );
  return rows.map((row, index) => ({
    id: row.id,
    index,
    updateToken: row.update_token,
    state: row.uploaded,
    upload: hasUpload(row) ? toUpload(row) : undefined,
  }));
}

function hasUpload(row: DataproviderRow): row is DataproviderRow & UploadRow {
  return row.receipt_token !== null;
}

export async function findUpload(
  connection: SqlConnection,
  dataproviderId: number,
): Promise<Upload | undefined> {
  if (!mayBeDataproviderId(dataproviderId)) return undefined;
  const [row] = await connection.query<UploadRow>(
    `SELECT ${UPLOAD_COLUMNS} FROM uploads WHERE dp = $1 ORDER BY id DESC LIMIT 1`,
    [dataproviderId],
  );
  return row && toUpload(row);
}

function toUpload(row: UploadRow): Upload {
  return {
    receiptToken: row.receipt_token,
    state: row.state,
    recordCount: row.count,
    blockCount: row.block_count,
    encodingSize: row.encoding_size ?? undefined,
    file: row.file ?? undefined,
    timeAdded: toDate(row.time_added),
  };
}

export interface PendingUpload {
  readonly dataproviderId: number;
  readonly projectId: string;
  readonly receiptToken: string;
  readonly partyState: PartyState;
  readonly file: string | undefined;
}

export async function listPendingUploads(connection: SqlConnection): Promise<PendingUpload[]> {
  const rows = await connection.query<{
    id: number;
    project: string;
    token: string;
    uploaded: PartyState;
    file: string | null;
  }>(
    `SELECT dataproviders.id, dataproviders.project::text AS project, dataproviders.uploaded::text AS uploaded,
       uploads.token::text AS token, uploads.file::text AS file
     FROM uploads
     JOIN dataproviders ON dataproviders.id = uploads.dp
     JOIN projects ON projects.project_id = dataproviders.project
     WHERE uploads.state = 'pending' AND ${NOT_DELETED}
     ORDER BY uploads.id`,
  );
  return rows.map((row) => ({
    dataproviderId: row.id,
    projectId: row.project,
    receiptToken: row.token,
    partyState: row.uploaded,
    file: row.file ?? undefined,
  }));
}
