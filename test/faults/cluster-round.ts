import { setTimeout as pause } from "node:timers/promises";
import { Client } from "minio";
import pg from "pg";
import { seededRandom } from "../random-clks.js";
import type { NewProject } from "../service/client.js";
import { ServiceClient } from "../service/client.js";
import { BUCKET, StartedCluster } from "../service/started-cluster.js";
import type { StartedProcess } from "../started-process.js";
import { someCase } from "./cases.js";
import { countPhases, PatientClient, type Phase } from "./patient-client.js";

const FAULTS = { least: 4, more: 5 };
/** Between two faults, at most; and how long something is away, at most. */
const PAUSE_MS = 1500;
const AWAY_MS = 1500;
/** A turn to upload that a killed API has left is free after a minute. */
const ROUND_MS = 240_000;
const REMOVAL_MS = 60_000;
const VISIBILITY_TIMEOUT_SECONDS = 5;
const CHUNK_SIZE_AIM = 100_000;
/** Tables that hold nothing when there is no project. */
const TABLES = [
  ...["projects", "dataproviders", "uploads", "blocks", "encodings", "encodingblocks", "runs", "run_results"],
  ...["similarity_scores", "permutations", "permutation_masks"],
];

/** What was done in a round, and whether all was well. */
export interface ClusterRound {
  readonly seed: number;
  readonly encodings: string;
  readonly projects: number;
  /** What was harmed, and how many projects were at what then. */
  readonly faults: readonly (Readonly<Record<Phase, number>> & { readonly what: string })[];
  /** Uploads that broke off and were tried again. */
  readonly retries: number;
  readonly ms: number;
  readonly error?: string;
}

/** Servers, an API and two workers of ours, of which any may be killed and is started again. */
export class FragileCluster {
  #api: StartedProcess | undefined;
  readonly #workers: StartedProcess[] = [];

  private constructor(readonly cluster: StartedCluster) {}

  static async start(kind: "tables" | "packed"): Promise<FragileCluster> {
    const cluster = await StartedCluster.start({
      kind,
      withApi: false,
      workers: 0,
      env: {
        CELERY_VISIBILITY_TIMEOUT_SECONDS: String(VISIBILITY_TIMEOUT_SECONDS),
        CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM),
      },
    });
    const fragile = new FragileCluster(cluster);
    fragile.#api = await cluster.startApi();
    for (let n = 0; n < 2; n++) fragile.#workers.push(await cluster.startWorker());
    return fragile;
  }

  /** Kills something, and starts it again after a while. */
  async harm(below: (limit: number) => number): Promise<string> {
    const { postgres, redis, s3 } = this.cluster;
    const awayMs = below(AWAY_MS);
    const kind = below(8);
    if (kind < 2) {
      await this.#api!.killGroup();
      await pause(awayMs);
      this.#api = await this.cluster.startApi();
      return `API killed for ${awayMs} ms`;
    }
    if (kind < 5) {
      const index = below(2);
      await this.#workers[index]!.killGroup();
      await pause(awayMs);
      this.#workers[index] = await this.cluster.startWorker();
      return `worker ${index} killed for ${awayMs} ms`;
    }
    const [name, server] = (
      [
        ["PostgreSQL", postgres],
        ["Redis", redis],
        ["S3", s3],
      ] as const
    )[kind - 5]!;
    await server.kill();
    await pause(awayMs);
    await server.start();
    return `${name} killed for ${awayMs} ms`;
  }

  close(): Promise<void> {
    return this.cluster.close();
  }
}

/**
 * The API and workers on real servers, of which some are killed and started again while clients upload and runs go on. In
 * the end all is as after `runServiceRound`: nothing accepted is lost, all runs are complete and right, and when the
 * projects are deleted, neither rows nor objects are left.
 */
export async function runClusterRound(fragile: FragileCluster, seed: number): Promise<ClusterRound> {
  const random = seededRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const { cluster } = fragile;
  const begin = Date.now();
  const cases = Array.from({ length: 3 + below(3) }, () => someCase(below));
  const faults: ClusterRound["faults"][number][] = [];
  const tally = { retries: 0 };
  const about = () => ({
    ...{ seed, encodings: cluster.kind, projects: cases.length, faults, ...tally, ms: Date.now() - begin },
  });
  try {
    const client = new ServiceClient(cluster.url);
    const clients = cases.map(() => new PatientClient(client, begin + ROUND_MS, tally));
    const all = Promise.all(cases.map((one, n) => clients[n]!.check(one)));
    all.catch(() => {}); // awaited below
    for (let n = FAULTS.least + below(FAULTS.more); n > 0; n--) {
      await pause(below(PAUSE_MS));
      const phases = countPhases(clients);
      faults.push({ what: await fragile.harm(below), ...phases });
    }
    await leavesNothing(cluster, client, await all);
    return about();
  } catch (error) {
    return { ...about(), error: (error as Error).message };
  }
}

async function leavesNothing(
  cluster: StartedCluster,
  client: ServiceClient,
  projects: readonly NewProject[],
): Promise<void> {
  const { postgres, s3 } = cluster;
  const database = new pg.Client(postgres.connection("entityservice"));
  const { host: endPoint, port, accessKey, secretKey } = s3;
  const store = new Client({ endPoint, port, useSSL: false, accessKey, secretKey });
  await database.connect();
  try {
    const { rows } = await database.query<{ project_id: string; access_token: string }>(
      "SELECT project_id, access_token FROM projects WHERE NOT marked_for_deletion",
    );
    // Those too whose making got no answer.
    for (const { project_id, access_token } of rows) {
      const { status } = await client.delete(`/projects/${project_id}`, access_token);
      if (status !== 204) throw new Error(`deleting a project got ${status}`);
    }
    if (rows.length < projects.length) throw new Error("a project is lost");
    const left = async () => {
      const counts = TABLES.map((table) => `SELECT '${table}' AS name, count(*)::int AS count FROM ${table}`);
      const tables = await database.query<{ name: string; count: number }>(counts.join(" UNION ALL "));
      const objects = await store.listObjects(BUCKET, "", true).toArray();
      return [
        ...tables.rows.filter(({ count }) => count > 0).map(({ name, count }) => `${count} ${name}`),
        ...objects.map(({ name }: { name?: string }) => name),
      ];
    };
    const end = Date.now() + REMOVAL_MS;
    for (;;) {
      const found = await left();
      if (found.length === 0) return;
      if (Date.now() > end) throw new Error(`left after all projects were deleted: ${found}`);
      await pause(200);
    }
  } finally {
    await database.end();
  }
}
