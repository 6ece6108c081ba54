// What the tables hold of a party's upload, and who may change it. To be called within a transaction.
import type pg from "pg";
import { ServiceError } from "../../linkage/errors.js";

/**
 * Keeps the turn of a party with an upload until the transaction ends.
 *
 * @throws ServiceError `forbidden` if that upload is no longer the party's pending one
 */
export async function holdTurn(
  client: pg.ClientBase,
  dataproviderId: number,
  receiptToken: string,
): Promise<void> {
  const { rowCount } = await client.query(
    "SELECT 1 FROM uploads WHERE dp = $1 AND token = $2 AND state = 'pending' FOR SHARE",
    [dataproviderId, receiptToken],
  );
  if (rowCount === 1) return;
  throw new ServiceError("forbidden", "upload", "the party's pending one", "one whose turn is over");
}

/**
 * Removes encodings and blocks of a party, unless another upload of it is in one of these states. By the indexes: none
 * begins with `dp` but that of the blocks.
 */
export async function removeStored(
  client: pg.ClientBase,
  dataproviderId: number,
  receiptToken: string,
  statesOfOthers: readonly ("pending" | "ready")[],
): Promise<void> {
  const others = await client.query(
    "SELECT 1 FROM uploads WHERE dp = $1 AND token <> $2 AND state = ANY ($3::processedstate[]) LIMIT 1",
    [dataproviderId, receiptToken, statesOfOthers],
  );
  if (others.rowCount !== 0) return;
  await removeAll(client, dataproviderId);
}

export async function removeAll(client: pg.ClientBase, dataproviderId: number): Promise<void> {
  await client.query(
    "DELETE FROM encodingblocks WHERE block_id IN (SELECT block_id FROM blocks WHERE dp = $1)",
    [dataproviderId],
  );
  await client.query("DELETE FROM blocks WHERE dp = $1", [dataproviderId]);
  await client.query(
    `DELETE FROM encodings
     WHERE encoding_id >= $1::integer::bigint << 32 AND encoding_id < ($1::integer::bigint + 1) << 32`,
    [dataproviderId],
  );
}
