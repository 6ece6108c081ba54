import type { UploadSummary } from "../../linkage/database.js";
import type { PartyState, UploadState } from "../../linkage/project.js";
import { mayBeDataproviderId, mayBeId } from "./known-ids.js";
import { NOT_DELETED } from "./project-statements.js";
import type { SqlConnection, SqlQueries } from "./sql-connection.js";
import { NOW } from "./times.js";

/**
 * Locks a party's row, then runs an action on the current state of the party and its uploads, so that concurrent calls
 * run one after the other. Rows that refer to the party (encodings, blocks) can be added meanwhile.
 *
 * @returns `otherwise` if the party does not exist, or its project is marked for deletion
 */
async function withParty<T>(
  connection: SqlConnection,
  dataproviderId: number,
  otherwise: T,
  action: (queries: SqlQueries, partyState: PartyState) => Promise<T>,
): Promise<T> {
  if (!mayBeDataproviderId(dataproviderId)) return otherwise;
  return connection.transaction(async (queries) => {
    const [party] = await queries.query<{ uploaded: PartyState }>(
      `SELECT dataproviders.uploaded::text AS uploaded
       FROM dataproviders JOIN projects ON projects.project_id = dataproviders.project
       WHERE dataproviders.id = $1 AND ${NOT_DELETED}
       FOR NO KEY UPDATE OF dataproviders`,
      [dataproviderId],
    );
    return party === undefined ? otherwise : action(queries, party.uploaded);
  });
}

export function beginUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
  file: string | undefined,
): Promise<boolean> {
  return withParty(connection, dataproviderId, false, async (queries, partyState) => {
    if (await hasBegun(queries, dataproviderId, receiptToken)) return true;
    if (partyState !== "not_started" && partyState !== "error") return false;
    await replaceUploads(queries, dataproviderId, receiptToken, file);
    return true;
  });
}

export function takeOverUpload(
  connection: SqlConnection,
  dataproviderId: number,
  abandonedReceiptToken: string,
  receiptToken: string,
  file: string | undefined,
): Promise<boolean> {
  return withParty(connection, dataproviderId, false, async (queries, partyState) => {
    if (await hasBegun(queries, dataproviderId, receiptToken)) return true;
    const state = await uploadState(queries, dataproviderId, abandonedReceiptToken);
    if (partyState !== "in_progress" || state !== "pending") return false;
    await replaceUploads(queries, dataproviderId, receiptToken, file);
    return true;
  });
}

/** Whether an earlier attempt of the same call has begun the upload: no one else knows the token yet. */
async function hasBegun(queries: SqlQueries, dataproviderId: number, receiptToken: string): Promise<boolean> {
  return (await uploadState(queries, dataproviderId, receiptToken)) === "pending";
}

async function replaceUploads(
  queries: SqlQueries,
  dataproviderId: number,
  receiptToken: string,
  file: string | undefined,
): Promise<void> {
  await queries.query("DELETE FROM uploads WHERE dp = $1", [dataproviderId]);
  await addUpload(queries, dataproviderId, receiptToken, file, "pending");
  await setPartyState(queries, dataproviderId, "in_progress");
}

export function finishUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
  summary: UploadSummary,
  state: Exclude<UploadState, "pending">,
): Promise<boolean> {
  return withParty(connection, dataproviderId, false, async (queries) => {
    if ((await uploadState(queries, dataproviderId, receiptToken)) !== "pending") return false;
    await queries.query(
      `UPDATE uploads SET state = $3, count = $4, block_count = $5, encoding_size = $6 WHERE dp = $1 AND token = $2`,
      [dataproviderId, receiptToken, state, summary.recordCount, summary.blockCount, summary.encodingSize],
    );
    await setPartyState(queries, dataproviderId, state === "ready" ? "done" : "error");
    return true;
  });
}

/** An upload that is ready stays: it is too late to drop it. */
export function dropUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
  partyState: Extract<PartyState, "not_started" | "error">,
): Promise<void> {
  return withParty(connection, dataproviderId, undefined, async (queries) => {
    const state = await uploadState(queries, dataproviderId, receiptToken);
    if (state === undefined || state === "ready") return;
    await queries.query("DELETE FROM uploads WHERE dp = $1 AND token = $2", [dataproviderId, receiptToken]);
    await setPartyState(queries, dataproviderId, partyState);
  });
}

export function acceptPendingUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
): Promise<boolean> {
  return withParty(connection, dataproviderId, false, async (queries, partyState) => {
    if (partyState !== "in_progress" && partyState !== "done") return false;
    if ((await uploadState(queries, dataproviderId, receiptToken)) !== "pending") return false;
    await setPartyState(queries, dataproviderId, "done");
    return true;
  });
}

export function preparePendingUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
  file: string | undefined,
): Promise<boolean> {
  return withParty(connection, dataproviderId, false, async (queries) => {
    const state = await uploadState(queries, dataproviderId, receiptToken);
    if (state === undefined) {
      if (await hasUsableUpload(queries, dataproviderId)) return false; // the party has started another upload since
      await queries.query("DELETE FROM uploads WHERE dp = $1", [dataproviderId]);
      await addUpload(queries, dataproviderId, receiptToken, file, "pending");
      return true;
    }
    if (state !== "pending") return false;
    await queries.query("UPDATE uploads SET file = $3 WHERE dp = $1 AND token = $2", [
      dataproviderId,
      receiptToken,
      file ?? null,
    ]);
    return true;
  });
}

export function failUpload(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string | undefined,
): Promise<void> {
  return withParty(connection, dataproviderId, undefined, async (queries) => {
    if (receiptToken === undefined) {
      await queries.query(
        "UPDATE uploads SET state = 'error' WHERE id = (SELECT max(id) FROM uploads WHERE dp = $1)",
        [dataproviderId],
      );
    } else if ((await uploadState(queries, dataproviderId, receiptToken)) !== undefined) {
      await queries.query("UPDATE uploads SET state = 'error' WHERE dp = $1 AND token = $2", [
        dataproviderId,
        receiptToken,
      ]);
    } else {
      if (await hasUsableUpload(queries, dataproviderId)) return; // the party has started another upload since
      if (!mayBeId(receiptToken)) return;
      await addUpload(queries, dataproviderId, receiptToken, undefined, "error");
    }
    await setPartyState(queries, dataproviderId, "error");
  });
}

async function uploadState(
  queries: SqlQueries,
  dataproviderId: number,
  receiptToken: string,
): Promise<UploadState | undefined> {
  if (!mayBeId(receiptToken)) return undefined;
  const [upload] = await queries.query<{ state: UploadState }>(
    "SELECT state::text AS state FROM uploads WHERE dp = $1 AND token = $2",
    [dataproviderId, receiptToken],
  );
  return upload?.state;
}

async function hasUsableUpload(queries: SqlQueries, dataproviderId: number): Promise<boolean> {
  const rows = await queries.query(
    "SELECT 1 FROM uploads WHERE dp = $1 AND state IN ('pending', 'ready') LIMIT 1",
    [dataproviderId],
  );
  return rows.length > 0;
}

async function addUpload(
  queries: SqlQueries,
  dataproviderId: number,
  receiptToken: string,
  file: string | undefined,
  state: UploadState,
): Promise<void> {
  await queries.query(
    `INSERT INTO uploads (dp, token, file, state, count, block_count, ts) VALUES ($1, $2, $3, $4, 0, 0, ${NOW})`,
    [dataproviderId, receiptToken, file ?? null, state],
  );
}

async function setPartyState(queries: SqlQueries, dataproviderId: number, state: PartyState): Promise<void> {
  await queries.query("UPDATE dataproviders SET uploaded = $2 WHERE id = $1", [dataproviderId, state]);
}
