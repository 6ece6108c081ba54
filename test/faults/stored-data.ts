import { isDeepStrictEqual } from "node:util";
import { decodeTrailer, TRAILER_LENGTH } from "../../src/linkage/packed-encodings/layout.js";
import { until } from "../celery/until.js";
import type { NewProject } from "../service/client.js";
import { recordCountOf } from "../service/data.js";
import type { BlockedRows } from "./cases.js";
import { BUCKET, type Encodings, type ServerProxy, type ServiceCluster } from "./service-cluster.js";

/** Tables with a project's data. */
const TABLES = [
  ...["projects", "dataproviders", "uploads", "blocks", "encodings", "encodingblocks"],
  ...["runs", "run_results", "similarity_scores", "permutations", "permutation_masks"],
];
const QUEUES = ["celery", "compute", "highmemory"];
const SETTLE_MS = 120_000;
/** Names of candidate files written by Python's workers; our names are longer. */
const PYTHON_FILE = /^similarity-scores\/[0-9a-f]{24}\.bin$/;
/** Suffix for the name of a multipart upload that was neither completed nor aborted. */
const INCOMPLETE = ", incomplete";

/** Checks that each party's upload is stored exactly once, complete and ready, and nothing else of that party. */
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

/** The number of records in each block, ascending. */
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

/** Waits until no queue has a message and no worker holds one. */
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

/** Ids and result tokens of all projects, including those whose creation was never answered. */
export async function allProjects({ database }: ServiceCluster): Promise<{ id: string; token: string }[]> {
  const { rows } = await database.query(
    "SELECT trim(project_id) AS id, access_token AS token FROM projects WHERE NOT marked_for_deletion",
  );
  return rows;
}

export interface EmptyOptions {
  /** Whether expiring keys may be left, because Python's workers leave some; default false. */
  readonly mayKeepExpiring?: boolean;
  /**
   * Maximum number of candidate files of Python's workers that no result names, because the task was executed again;
   * default 0.
   */
  readonly strayFiles?: number;
}

/** Waits until no data of any project is stored anywhere. */
export async function isEmpty(
  cluster: ServiceCluster,
  { mayKeepExpiring = false, strayFiles = 0 }: EmptyOptions = {},
): Promise<void> {
  let left: Leftovers = {};
  const look = async () => {
    left = await describeLeftovers(cluster);
    const { expiring, pythonFiles = [], ...others } = left;
    const isFine = (mayKeepExpiring || expiring === undefined) && pythonFiles.length <= strayFiles;
    return isFine && Object.keys(others).length === 0 ? true : undefined;
  };
  await until("nothing to be left", SETTLE_MS, look).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify(left)}`);
  });
}

/** The stored data of projects; empty members are omitted. */
export interface Leftovers {
  /** The number of rows by table. */
  readonly rows?: Readonly<Record<string, number>>;
  /** Expiring keys of runs, projects and uploads. */
  readonly expiring?: readonly string[];
  /** Keys that never expire, except those of queues and their bindings. */
  readonly keys?: readonly string[];
  readonly objects?: readonly string[];
  /** Candidate files written by Python's workers. */
  readonly pythonFiles?: readonly string[];
}

export async function describeLeftovers(cluster: ServiceCluster): Promise<Leftovers> {
  const rows: Record<string, number> = {};
  for (const table of TABLES) {
    const { rows: found } = await cluster.database.query(`SELECT count(*)::int AS count FROM ${table}`);
    if (found[0].count > 0) rows[table] = found[0].count;
  }
  const keys: string[] = [];
  const expiring: string[] = [];
  for (const key of await cluster.cache.keys("*")) {
    const isOfService = /^(run|project|upload):/.test(key);
    const isForEver = (await cluster.cache.ttl(key)) === -1;
    const isOfQueues =
      key.startsWith("_kombu.binding") ||
      key.startsWith("unacked") ||
      /^(celery|compute|highmemory)\b/.test(key);
    if (isForEver && !isOfQueues) keys.push(key);
    else if (isOfService) expiring.push(key);
  }
  const names = await objectNames(cluster);
  const found = {
    ...{ rows, keys, expiring },
    objects: names.filter((name) => !PYTHON_FILE.test(name)),
    pythonFiles: names.filter((name) => PYTHON_FILE.test(name)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, each]) => Object.keys(each).length > 0));
}

/** Unfinished chords, and the held, queued and failed tasks: for debugging a run that does not end. */
export async function describePending({ cache }: ServiceCluster): Promise<Record<string, unknown>> {
  const chords: Record<string, string> = {};
  for (const key of await cache.keys("celery-taskset-meta-*.s")) {
    const group = key.slice(0, -".s".length);
    chords[group] = `${await cache.zcard(`${group}.j`)} of ${await cache.get(key)} parts`;
  }
  const held: Record<string, string | undefined> = {};
  for (const [tag, entry] of Object.entries(await cache.hgetall("unacked"))) {
    held[tag] = /"task": ?"([^"]+)"/.exec(entry)?.[1];
  }
  const queued = Object.fromEntries(
    await Promise.all(QUEUES.map(async (queue) => [queue, await cache.llen(queue)] as const)),
  );
  const failed: Record<string, string> = {};
  for (const key of await cache.keys("celery-task-meta-*")) {
    const stored = (await cache.get(key)) ?? "";
    if (!/"status": ?"SUCCESS"/.test(stored)) failed[key] = stored.slice(0, 1500);
  }
  return { chords, held, queued, failed };
}

/** Removes all stored data, so that leftovers of a round do not fail the next one. Nothing else may be running. */
export async function clear(cluster: ServiceCluster<ServerProxy>): Promise<void> {
  await cluster.database.query(`TRUNCATE ${TABLES.join(", ")} CASCADE`);
  await cluster.cache.flushall();
  for (const name of await objectNames(cluster)) {
    if (name.endsWith(INCOMPLETE)) {
      await cluster.files.removeIncompleteUpload(BUCKET, name.slice(0, -INCOMPLETE.length));
    } else await cluster.files.removeObject(BUCKET, name);
  }
}

async function objectNames({ files }: ServiceCluster<ServerProxy>): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of files.listObjectsV2(BUCKET, "", true)) names.push(String(name));
  for await (const { key } of files.listIncompleteUploads(BUCKET, "", true))
    names.push(`${key}${INCOMPLETE}`);
  return names;
}
