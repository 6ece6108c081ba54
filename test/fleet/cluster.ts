import { fileURLToPath } from "node:url";
import IORedis, { type Redis } from "ioredis";
import { Client } from "minio";
import pg from "pg";
import { parseCandidateFile } from "../../src/core/candidate-file.js";
import type { CandidatePairs } from "../../src/core/candidate-pairs.js";
import { until } from "../celery/until.js";
import { type PartyData, type StoredProject, storeProject } from "../servers/entity-service-data.js";
import { type PostgresServer, startPostgres } from "../servers/postgres.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { type S3Server, startS3 } from "../servers/s3.js";
import { StartedProcess } from "../started-process.js";
import { type FleetLine, fleetPython } from "./fleet-python.js";
import { RunStarter } from "./run-starter.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const DATABASE = "entityservice";
const BUCKET = "entityservice";

export interface ClusterOptions {
  /** Default `newest`. */
  readonly line?: FleetLine;
  readonly visibilityTimeoutSeconds?: number;
  /** Whether Redis syncs each write to disk, so that it can be killed without loss; default true. */
  readonly durable?: boolean;
}

export interface WorkerOptions {
  /** Default 1. */
  readonly concurrency?: number;
  /** The queues of our workers; default `compute`. */
  readonly queues?: string;
  /** Additional settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A run whose tasks have been sent. */
export interface StartedRun {
  readonly project: StoredProject;
  readonly runId: string;
  readonly bodyId: string;
  readonly groupId: string;
  readonly taskIds: readonly string[];
  readonly packages: readonly unknown[][];
}

/** The stores of the entity service on separate servers, workers in both languages, and a process that starts runs. */
export class ServiceCluster {
  readonly workers: StartedProcess[] = [];
  readonly database: pg.Pool;
  readonly store: Redis;
  readonly files: Client;
  #starter: RunStarter | undefined;

  private constructor(
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly s3: S3Server,
    readonly options: ClusterOptions,
  ) {
    this.database = new pg.Pool(postgres.connection(DATABASE));
    this.database.on("error", () => {}); // a test may restart the server
    this.store = new IORedis(redis.url, { maxRetriesPerRequest: null });
    this.store.on("error", () => {});
    const { host: endPoint, port, accessKey, secretKey } = s3;
    this.files = new Client({ endPoint, port, useSSL: false, accessKey, secretKey });
  }

  static async start(options: ClusterOptions = {}): Promise<ServiceCluster> {
    const servers = await Promise.all([
      startPostgres(),
      startRedis({ appendOnly: options.durable ?? true }),
      startS3(),
    ]);
    await servers[0].createDatabase(DATABASE);
    const cluster = new ServiceCluster(...servers, options);
    await cluster.files.makeBucket(BUCKET);
    return cluster;
  }

  /** The settings of all workers. */
  get #env(): Record<string, string> {
    const { postgres, redis, s3, options } = this;
    return {
      DATABASE_SERVER: `${postgres.host}:${postgres.port}`,
      DATABASE,
      DATABASE_PASSWORD: postgres.password,
      REDIS_SERVER: `127.0.0.1:${redis.port}`,
      CELERY_BROKER_URL: redis.url,
      CELERY_ACKS_LATE: "true",
      CELERY_VISIBILITY_TIMEOUT_SECONDS: String(options.visibilityTimeoutSeconds ?? 3600),
      MINIO_SERVER: s3.address,
      MINIO_ACCESS_KEY: s3.accessKey,
      MINIO_SECRET_KEY: s3.secretKey,
      UPLOAD_OBJECT_STORE_ENABLED: "false",
      // For equal results, also with small blocks, and no delay after each task.
      PYTHON_ALL_CANDIDATES: "true",
      PYTHON_AFTER_RETURN_SECONDS: "0",
      PYTHONPATH: here,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
    };
  }

  get #python(): string {
    return fleetPython(this.options.line ?? "newest");
  }

  /** Starts one of our workers; resolves once it takes tasks. */
  async ours(name: string, options: WorkerOptions = {}): Promise<StartedProcess> {
    const { concurrency = 1, queues = "compute", env = {} } = options;
    const args = [cli, "worker", "--queues", queues, "--concurrency", String(concurrency)];
    args.push("--hostname", `${name}@test`, "--health-host", "127.0.0.1", "--health-port", "0");
    const worker = new StartedProcess(name, process.execPath, args, { env: { ...this.#env, ...env } });
    this.workers.push(worker);
    await worker.whenPrinted(/"worker ready"/);
    return worker;
  }

  /** Starts a Python worker; resolves once it takes tasks. */
  async python(name: string, queues: string, options: WorkerOptions = {}): Promise<StartedProcess> {
    const { concurrency = 1, env = {} } = options;
    const args = ["-m", "celery", "-A", "entity_service", "worker", "--loglevel", "INFO", "--queues", queues];
    args.push("--hostname", `${name}@test`, "--concurrency", String(concurrency));
    args.push("--without-mingle", "--without-gossip");
    const settings = { cwd: here, env: { ...this.#env, ...env } };
    const worker = new StartedProcess(name, this.#python, args, settings);
    this.workers.push(worker);
    await worker.whenPrinted(/@test ready\./);
    return worker;
  }

  /** Starts a Python worker for the tasks that merge results and complete runs. */
  aggregator(): Promise<StartedProcess> {
    return this.python("aggregator", "celery,highmemory");
  }

  /** Sends a question to entity_service and returns its answer. */
  ask<Answer>(ask: string, values: Readonly<Record<string, unknown>>): Promise<Answer> {
    this.#starter ??= new RunStarter(this.#python, this.#env);
    return this.#starter.ask(ask, values);
  }

  /** Stores the parties' data and sends the chord of a run, as the Python service does. */
  async startRun(parties: readonly PartyData[], threshold: number, aim: number): Promise<StartedRun> {
    const project = await storeProject(this.database, parties, {
      threshold,
      resultType: "similarity_scores",
    });
    const { projectId, runId } = project;
    const byteLength = parties[0]!.dataset.byteLength;
    const sent = await this.ask<Omit<StartedRun, "project" | "runId">>("start_run", {
      ...{ project_id: projectId, run_id: runId, threshold, encoding_size: byteLength, aim },
    });
    return { project, runId, ...sent };
  }

  /** Returns the result of a run, once it is complete; checks that it was aggregated only once. */
  async result({ runId }: StartedRun, timeoutMs = 300_000): Promise<CandidatePairs> {
    const name = await until(`the result of run ${runId}`, timeoutMs, async () => {
      const sql =
        "SELECT file, state FROM similarity_scores RIGHT JOIN runs ON run_id = run WHERE run_id = $1";
      const { rows } = await this.database.query<{ file: string | null; state: string }>(sql, [runId]);
      if (rows[0]!.state === "error") throw new Error("the run has failed");
      if (rows.length > 1) throw new Error("the run was aggregated twice");
      return rows[0]!.state === "completed" ? rows[0]!.file!.trim() : undefined;
    });
    const parts: Buffer[] = [];
    for await (const part of await this.files.getObject(BUCKET, name)) parts.push(part);
    return parseCandidateFile(new Uint8Array(Buffer.concat(parts)));
  }

  /** The state and progress of a run in Redis. */
  async progress({ runId }: StartedRun): Promise<Record<string, string>> {
    return this.store.hgetall(`run:${runId}`);
  }

  /** The number of tasks of a run's chord that have ended. */
  async endedCount({ groupId, taskIds }: StartedRun): Promise<number> {
    const key = `celery-taskset-meta-${groupId}`;
    const [count, isOpen] = await Promise.all([this.store.zcard(`${key}.j`), this.store.exists(`${key}.s`)]);
    return isOpen === 0 ? taskIds.length : count; // the keys are removed when the last task ends
  }

  /** Delivery tags of the messages that workers hold. */
  async held(): Promise<string[]> {
    return this.store.hkeys("unacked");
  }

  /** Resolves once no queue has a message and no worker holds one. */
  async allAcknowledged(timeoutMs = 120_000): Promise<void> {
    await until("all messages acknowledged", timeoutMs, async () => {
      const { store } = this;
      const lists = [store.llen("compute"), store.llen("highmemory"), store.llen("celery")];
      const counts = await Promise.all([...lists, store.hlen("unacked"), store.zcard("unacked_index")]);
      return counts.every((count) => count === 0) ? true : undefined;
    });
  }

  /** Stops all workers and the process that starts runs, and clears Redis; returns the workers' output. */
  async endWorkers(): Promise<string> {
    const workers = this.workers.splice(0);
    await Promise.all(workers.map((worker) => worker.killGroup()));
    await this.#starter?.end(); // its connections may be to a Redis that was killed
    this.#starter = undefined;
    await this.store.flushall();
    return workers.map(({ name, pid, output }) => `${name} (${pid}):\n${output.slice(-6000)}`).join("\n");
  }

  async remove(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.killGroup()));
    await this.#starter?.end();
    this.store.disconnect();
    await this.database.end();
    await Promise.all([this.postgres.remove(), this.redis.remove(), this.s3.remove()]);
  }
}

/** Signals a worker and its children. */
export function signalAll(worker: StartedProcess, signal: NodeJS.Signals): void {
  process.kill(-worker.pid, signal);
}
