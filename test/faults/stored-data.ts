import { isDeepStrictEqual } from "node:util";
import { decodeTrailer, TRAILER_LENGTH } from "../../src/linkage/packed-encodings/layout.js";
import { until } from "../celery/until.js";
import type { NewProject } from "../service/client.js";
import { recordCountOf } from "../service/data.js";
import type { BlockedRows } from "./cases.js";
import { BUCKET, type Encodings, type ServiceCluster } from "./service-cluster.js";

/** Tables that hold what belongs to a project. */
const TABLES = [
  ...["projects", "dataproviders", "uploads", "blocks", "encodings", "encodingblocks"],
  ...["runs", "run_results", "similarity_scores", "permutations", "permutation_masks"],
];
const QUEUES = ["celery", "compute", "highmemory"];
const SETTLE_MS = 40_000;
/** Ends the name of an upload that was begun and neither completed nor given up. */
const INCOMPLETE = ", incomplete";

/** Each party's upload is there once, whole, and ready; and nothing else of the party. */
export async function holdsUploadsOnce(
  cluster: ServiceCluster,
  encodings: Encodings,
  project: NewProject,
  parties: readonly BlockedRows[],
): Promise<void> {
  for (const [n, token] of project.update_tokens.entries()) {
    const count = recordCountOf(parties[n]!);
    const blocks = blockSizes(parties[n]!);
    const isPacked = encodings === "packed";
    const { rows } = await cluster.database.query(
      `SELECT uploaded::text AS state, trim(uploads.file) AS file, uploads.state::text AS upload, uploads.count,
         (SELECT count(*)::int FROM uploads WHERE dp = dataproviders.id) AS uploads,
         (SELECT array_agg(count ORDER BY count) FROM blocks WHERE dp = dataproviders.id) AS blocks,
         (SELECT count(*)::int FROM encodings WHERE dp = dataproviders.id) AS encodings,
         (SELECT count(DISTINCT entity_id)::int FROM encodingblocks WHERE dp = dataproviders.id) AS entities,
         (SELECT count(*)::int FROM encodingblocks WHERE dp = dataproviders.id) AS memberships
       FROM dataproviders LEFT JOIN uploads ON uploads.dp = dataproviders.id
       WHERE dataproviders.token = $1`,
      [token],
    );
    const file: string | null = rows[0]?.file ?? null;
    const inTables = isPacked ? 0 : count;
    const memberships = isPacked ? 0 : blocks.reduce((sum, size) => sum + size);
    const expected = [
      { state: "done", file, upload: "ready", count, uploads: 1, blocks },
      { encodings: inTables, entities: inTables, memberships },
    ];
    if (rows.length !== 1 || !isDeepStrictEqual({ ...rows[0] }, Object.assign({}, ...expected))) {
      throw new Error(`an upload of ${count} rows is stored as ${JSON.stringify(rows)}`);
    }
    if (isPacked !== (file !== null)) throw new Error(`an upload that is ${encodings} has the file ${file}`);
    if (isPacked && (await packedCount(cluster, file!)) !== count) throw new Error(`${file} lacks rows`);
  }
}

/** How many rows are in each block, ascending. */
function blockSizes(rows: BlockedRows): number[] {
  if (rows.blocks === undefined) return [recordCountOf(rows)];
  const sizes = new Map<unknown, number>();
  for (const name of rows.blocks.flat()) sizes.set(name, (sizes.get(name) ?? 0) + 1);
  return [...sizes.values()].sort((a, b) => a - b);
}

async function packedCount({ files }: ServiceCluster, name: string): Promise<number> {
  const pieces: Buffer[] = [];
  for await (const piece of await files.getObject(BUCKET, name)) pieces.push(piece);
  const bytes = Buffer.concat(pieces);
  return decodeTrailer(bytes.subarray(-TRAILER_LENGTH), bytes.length).recordCount;
}

/** Waits until no queue has a message, and nobody holds one. */
export async function settle({ cache }: ServiceCluster): Promise<void> {
  let counts: readonly number[] = [];
  const isQuiet = async () => {
    const lengths = QUEUES.map((queue) => cache.llen(queue));
    counts = await Promise.all([...lengths, cache.hlen("unacked"), cache.zcard("unacked_index")]);
    return counts.every((count) => count === 0) ? true : undefined;
  };
  await until("all messages acknowledged", SETTLE_MS, isQuiet).catch(async (error: Error) => {
    const held = (await cache.hvals("unacked")).map((entry) => /"task": ?"([^"]+)"/.exec(entry)?.[1]);
    throw new Error(`${error.message}: ${counts}, ${held}`);
  });
}

/** Ids and result tokens of all projects, also of those whose making was never answered. */
export async function allProjects({ database }: ServiceCluster): Promise<{ id: string; token: string }[]> {
  const { rows } = await database.query(
    "SELECT trim(project_id) AS id, access_token AS token FROM projects WHERE NOT marked_for_deletion",
  );
  return rows;
}

/** Waits until nothing of any project is stored anywhere. */
export async function isEmpty(cluster: ServiceCluster): Promise<void> {
  let left: Record<string, unknown> = {};
  const look = async () => {
    left = {};
    for (const table of TABLES) {
      const { rows } = await cluster.database.query(`SELECT count(*)::int AS count FROM ${table}`);
      if (rows[0].count > 0) left[table] = rows[0].count;
    }
    const keys = (await cluster.cache.keys("*")).filter((key) => /^(run|project|upload):/.test(key));
    if (keys.length > 0) left["keys"] = keys;
    const objects = await objectNames(cluster);
    if (objects.length > 0) left["objects"] = objects;
    return Object.keys(left).length === 0 ? true : undefined;
  };
  await until("nothing to be left", SETTLE_MS, look).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(left)}`);
  });
}

/** Removes all that is stored, so that what a round has left does not fail the next one. Nobody is at work meanwhile. */
export async function clear(cluster: ServiceCluster): Promise<void> {
  await cluster.database.query(`TRUNCATE ${TABLES.join(", ")} CASCADE`);
  await cluster.cache.flushall();
  for (const name of await objectNames(cluster)) {
    if (name.endsWith(INCOMPLETE)) {
      await cluster.files.removeIncompleteUpload(BUCKET, name.slice(0, -INCOMPLETE.length));
    } else await cluster.files.removeObject(BUCKET, name);
  }
}

async function objectNames({ files }: ServiceCluster): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of files.listObjectsV2(BUCKET, "", true)) names.push(String(name));
  for await (const { key } of files.listIncompleteUploads(BUCKET, "", true))
    names.push(`${key}${INCOMPLETE}`);
  return names;
}
