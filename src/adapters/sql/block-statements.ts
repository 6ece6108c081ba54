import type { CommonBlock } from "../../linkage/database.js";
import { ServiceError } from "../../linkage/errors.js";
import { mayBeDataproviderId, mayBeId } from "./known-ids.js";
import type { SqlConnection } from "./sql-connection.js";

/** Name of the single block of all records in projects without blocking; some uploads use its hash instead. */
const ONE_BLOCK = "1";
/** BLAKE2b-256 of {@link ONE_BLOCK}. */
export const HASHED_ONE_BLOCK = "92cdf578c47085a5992256f0dcf97d0b19f1f1c9de4d5fe30c3ace6191b6e5db";
const IS_ONE_BLOCK = `block_name IN ('${ONE_BLOCK}', '${HASHED_ONE_BLOCK}')`;

/** Blocks of the left party read per page. */
const PAGE = 5000;

export async function addBlocks(
  connection: SqlConnection,
  dataproviderId: number,
  receiptToken: string,
  blocks: readonly { name: string; recordCount: number }[],
): Promise<number[]> {
  if (!mayBeDataproviderId(dataproviderId) || !mayBeId(receiptToken)) throw turnIsOver();
  return connection.transaction(async (queries, mayBeDone) => {
    if (mayBeDone)
      throw new ServiceError("store-failed", "The database crashed; it may have stored the blocks already.");
    const pending = await queries.query(
      "SELECT 1 FROM uploads WHERE dp = $1 AND token = $2 AND state = 'pending' FOR SHARE",
      [dataproviderId, receiptToken],
    );
    if (pending.length === 0) throw turnIsOver();
    // A block's own state is never read: what counts is the state of the upload.
    const rows = await queries.query<{ block_id: number }>(
      `INSERT INTO blocks (dp, block_name, count, state)
       SELECT $1, block.entry ->> 0, (block.entry ->> 1)::integer, 'ready'
       FROM json_array_elements($2::text::json) WITH ORDINALITY AS block (entry, n)
       ORDER BY block.n
       RETURNING block_id`,
      [dataproviderId, JSON.stringify(blocks.map(({ name, recordCount }) => [name, recordCount]))],
    );
    return rows.map((row) => row.block_id).sort((a, b) => a - b); // assigned in the order of the blocks
  });
}

function turnIsOver(): ServiceError {
  return new ServiceError("forbidden", "The upload is no longer the pending one of its party.");
}

export async function removeBlocks(connection: SqlConnection, dataproviderId: number): Promise<void> {
  if (!mayBeDataproviderId(dataproviderId)) return;
  await connection.transaction(async (queries) => {
    await queries.query(
      "DELETE FROM encodingblocks WHERE block_id IN (SELECT block_id FROM blocks WHERE dp = $1)",
      [dataproviderId],
    );
    await queries.query("DELETE FROM blocks WHERE dp = $1", [dataproviderId]);
  });
}

interface PageRow {
  readonly block_name: string;
  readonly left_id: number;
  readonly left_count: number;
  readonly right_id: number | null;
  readonly right_count: number | null;
}

/**
 * Pages through the left party's blocks by name, so that neither this process nor the database keeps anything between
 * two pages. `OFFSET 0` makes PostgreSQL look up the right party's block by index for each one, so that a page costs no
 * more if there are millions of other blocks.
 */
export async function* listCommonBlocks(
  connection: SqlConnection,
  leftDataproviderId: number,
  rightDataproviderId: number,
): AsyncGenerator<CommonBlock, void, undefined> {
  const parties = [leftDataproviderId, rightDataproviderId];
  if (!parties.every(mayBeDataproviderId)) return;
  yield* await connection.query<CommonBlock>(
    `SELECT one.block_id AS "leftBlockId", one.count AS "leftCount",
       other.block_id AS "rightBlockId", other.count AS "rightCount"
     FROM blocks AS one, blocks AS other
     WHERE one.dp = $1 AND one.${IS_ONE_BLOCK} AND other.dp = $2 AND other.${IS_ONE_BLOCK}
     ORDER BY one.block_id, other.block_id`,
    parties,
  );
  let lastName = "";
  let lastId = 0;
  for (;;) {
    const page = await connection.query<PageRow>(
      `SELECT page.block_name::text AS block_name, page.block_id AS left_id, page.count AS left_count,
         other.block_id AS right_id, other.count AS right_count
       FROM (
         SELECT block_name, block_id, count FROM blocks
         WHERE dp = $1 AND block_name >= $3::char(64) AND (block_name > $3::char(64) OR block_id > $4)
         ORDER BY block_name, block_id LIMIT ${PAGE}
       ) AS page
       LEFT JOIN LATERAL (
         SELECT block_id, count FROM blocks
         WHERE dp = $2 AND block_name = page.block_name
         OFFSET 0
       ) AS other ON NOT page.${IS_ONE_BLOCK}
       ORDER BY page.block_name, page.block_id, other.block_id`,
      [...parties, lastName, lastId],
    );
    for (const { left_id, left_count, right_id, right_count } of page) {
      if (right_id === null || right_count === null) continue;
      yield {
        leftBlockId: left_id,
        leftCount: left_count,
        rightBlockId: right_id,
        rightCount: right_count,
      };
    }
    const last = page.at(-1);
    if (last === undefined) return;
    lastName = last.block_name;
    lastId = last.left_id;
  }
}

/**
 * The comparisons of each project, as a query with the columns `project` and `comparisons`. For each block name, the
 * products of every two parties' counts add up to (the square of the sum − the sum of the squares) / 2.
 */
export const COMPARISONS_OF_PROJECTS = `
  SELECT project, sum((total * total - squares) / 2) AS comparisons
  FROM (
    SELECT project, sum(count) AS total, sum(count * count) AS squares
    FROM (
      SELECT dataproviders.project, blocks.dp, sum(blocks.count) AS count,
        CASE WHEN blocks.block_name = '${ONE_BLOCK}' THEN '${HASHED_ONE_BLOCK}' ELSE blocks.block_name END AS name
      FROM blocks JOIN dataproviders ON dataproviders.id = blocks.dp
      GROUP BY dataproviders.project, blocks.dp, name
    ) AS of_parties
    GROUP BY project, name
  ) AS of_names
  GROUP BY project`;

export async function countComparisons(connection: SqlConnection, projectId: string): Promise<number> {
  if (!mayBeId(projectId)) return 0;
  const [row] = await connection.query<{ comparisons: number }>(
    `SELECT coalesce(sum(comparisons), 0)::double precision AS comparisons
     FROM (${COMPARISONS_OF_PROJECTS}) AS of_projects
     WHERE project = $1`,
    [projectId],
  );
  return row!.comparisons;
}
