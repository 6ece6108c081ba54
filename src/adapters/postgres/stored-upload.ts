// Locks and removes a party's stored uploads. Call these functions within a transaction.
import type pg from "pg";
import { ServiceError } from "../../linkage/errors.js";

/**
 * Keeps an upload the party's pending one until the transaction ends.
 *
 * @throws ServiceError `forbidden` if that upload is no longer the party's pending one
 */
export async function lockSlot(
  client: pg.ClientBase,
  dataproviderId: number,
  receiptToken: string,
): Promise<void> {
  const { rowCount } = await client.query(
    "SELECT 1 FROM uploads WHERE dp = $1 AND token = $2 AND state = 'pending' FOR SHARE",
    [dataproviderId, receiptToken],
  );
  if (rowCount === 1) return;
  throw new ServiceError("forbidden", "The upload is no longer the pending one of its party.");
}

/**
 * Removes a party's encodings and blocks, unless another of its uploads is in one of these states. The statements use
 * the existing indexes, of which only that of the blocks begins with `dp`.
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
