import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import IORedis, { type Redis } from "ioredis";
import { Client } from "minio";
import pg from "pg";
import { type FleetLine, fleetPython } from "../fleet/fleet-python.js";
import { RunStarter } from "../fleet/run-starter.js";
import { CuttingProxy } from "../servers/cutting-proxy.js";
import { freePort } from "../servers/free-port.js";
import { type PostgresServer, startPostgres } from "../servers/postgres.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { type S3Server, startS3 } from "../servers/s3.js";
import { ServiceClient } from "../service/client.js";
import { StartedProcess } from "../started-process.js";
import { Victim } from "./victim.js";

const fleet = fileURLToPath(new URL("../fleet/", import.meta.url));
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const START_TIMEOUT_MS = 180_000;
/** A Python worker waits forever if a connection of its start goes silent: it is started again, as a supervisor would. */
const PYTHON_START_MS = 40_000;
/** How long an answer of /readyz may take: the probe timeout of our Helm chart. */
const READY_TIMEOUT_MS = 5000;
const DATABASE = "entityservice";
export const BUCKET = "entityservice";
/** How long the messages of a dead worker stay claimed. */
export const VISIBILITY_TIMEOUT_SECONDS = 3;
/** How long an interrupted upload keeps its lease. */
const UPLOAD_LEASE_SECONDS = 3;
/** Small, so that a run has many chunks and faults occur between them. */
export const CHUNK_SIZE_AIM = 20_000;

/** Where new encodings are stored. */
export type Encodings = "tables" | "packed";

/**
 * The workers of a cluster:
 *
 * - `ours`: two of ours on all queues;
 * - `mixed`: one of ours on `celery,highmemory`; one of ours and two Python workers on `compute`;
 * - `divided`: one of ours on `celery,highmemory`; two Python workers on `compute`;
 * - `python`: two Python workers on all queues; one of ours on `compute`.
 */
export type Fleet = "ours" | "mixed" | "divided" | "python";

const ALL_QUEUES = "celery,compute,highmemory";
const FLEETS: Readonly<
  Record<Fleet, { readonly ours: readonly string[]; readonly python: readonly string[] }>
> = {
  ours: { ours: [ALL_QUEUES, ALL_QUEUES], python: [] },
  mixed: { ours: ["celery,highmemory", "compute"], python: ["compute", "compute"] },
  divided: { ours: ["celery,highmemory"], python: ["compute", "compute"] },
  python: { ours: ["compute"], python: [ALL_QUEUES, ALL_QUEUES] },
};

export interface UpOptions {
  /** Default `ours`. */
  readonly fleet?: Fleet;
  /** The Celery line of Python's workers; default `newest`. */
  readonly line?: FleetLine;
}

/** How long a worker that is asked to stop waits for its tasks, in seconds. */
export const SHUTDOWN_GRACE_SECONDS = 5;

/** A proxy in front of a server. */
export interface ServerProxy {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

/** The proxy in front of each server; `api` is between the clients and the API. */
export interface Proxies<Kind extends ServerProxy = CuttingProxy> {
  readonly postgres: Kind;
  readonly redis: Kind;
  readonly s3: Kind;
  readonly api: Kind;
}

/** The API and workers as programs, which reach their stores through proxies. The test reaches the stores directly. */
export class ServiceCluster<Kind extends ServerProxy = CuttingProxy> {
  readonly database: pg.Pool;
  readonly cache: Redis;
  readonly files: Client;
  readonly folder = mkdtempSync(join(tmpdir(), "entity-service-cluster-"));
  /** The file where Python's workers note each task that they start. */
  readonly executionsFile = join(this.folder, "executions");
  /** The API, our workers and Python's, while they are up. */
  programs:
    | { readonly api: Victim; readonly workers: readonly Victim[]; readonly python: readonly Victim[] }
    | undefined;
  readonly servers: { readonly postgres: Victim; readonly redis: Victim; readonly s3: Victim };
  /** Whether its Python workers take no task again once they have lost their connection to Redis. */
  isPythonDeaf = false;
  #programs: Program[] = [];
  #original: RunStarter | undefined;

  private constructor(
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly s3: S3Server,
    readonly proxies: Proxies<Kind>,
    readonly apiPort: number,
  ) {
    this.servers = {
      postgres: new Victim("PostgreSQL", postgres),
      redis: new Victim("Redis", redis),
      s3: new Victim("MinIO", s3),
    };
    this.database = new pg.Pool({ ...postgres.connection(DATABASE), max: 2 });
    this.database.on("error", () => {}); // the server is killed now and then
    this.cache = new IORedis(redis.url, { maxRetriesPerRequest: null });
    this.cache.on("error", () => {});
    const { host: endPoint, port, accessKey, secretKey } = s3;
    this.files = new Client({ endPoint, port, useSSL: false, accessKey, secretKey });
  }

  static start(): Promise<ServiceCluster> {
    return ServiceCluster.startBehind((target) => CuttingProxy.start(target));
  }

  /** @param startProxy starts the proxy in front of a server */
  static async startBehind<Kind extends ServerProxy>(
    startProxy: (target: { readonly host: string; readonly port: number }) => Promise<Kind>,
  ): Promise<ServiceCluster<Kind>> {
    const [postgres, redis, s3] = await Promise.all([
      startPostgres(),
      startRedis({ appendOnly: true }),
      startS3(),
    ]);
    const apiPort = await freePort();
    const before = (port: number) => startProxy({ host: "127.0.0.1", port });
    const proxies = {
      postgres: await before(postgres.port),
      redis: await before(redis.port),
      s3: await before(s3.port),
      api: await before(apiPort),
    };
    const cluster = new ServiceCluster(postgres, redis, s3, proxies, apiPort);
    await postgres.createEmptyDatabase(DATABASE);
    const migrate = cluster.run("migrate", ["migrate"], "tables");
    const code = await migrate.waitForEnd(START_TIMEOUT_MS);
    if (code !== 0) throw new Error(`migrate ends with ${code}: ${migrate.output}`);
    return cluster;
  }

  /** A client that reaches the API through its proxy. */
  get client(): ServiceClient {
    return new ServiceClient(`http://127.0.0.1:${this.proxies.api.port}`);
  }

  /** Stores and sends what the original's API would; reaches the stores directly. */
  get original(): RunStarter {
    this.#original ??= new RunStarter(fleetPython("newest"), this.#directEnv());
    return this.#original;
  }

  /** The API, our workers and Python's, in this order; empty while they are down. */
  get started(): readonly Program[] {
    return this.#programs;
  }

  /** Starts the API and the workers; resolves once they are ready. */
  async up(encodings: Encodings, { fleet = "ours", line = "newest" }: UpOptions = {}): Promise<void> {
    const queues = FLEETS[fleet];
    const program = (name: string, port: number, args: readonly string[]) =>
      new Program(
        name,
        () => this.run(name, args, encodings),
        () => answersReadyz(port),
      );
    const host = ["--host", "127.0.0.1", "--port", String(this.apiPort)];
    const worker = async (name: string, queues: string) => {
      const port = await freePort();
      const args = ["worker", "--queues", queues, "--hostname", `${name.replace(" ", "-")}@test`];
      args.push("--health-host", "127.0.0.1", "--health-port", String(port));
      return program(name, port, args);
    };
    const api = program("API", this.apiPort, ["api", ...host]);
    const ours = await Promise.all(queues.ours.map((each, n) => worker(`worker ${n + 1}`, each)));
    const python = queues.python.map((each, n) => this.#python(`python ${n + 1}`, each, line));
    this.#programs = [api, ...ours, ...python];
    this.isPythonDeaf = line !== "newest";
    const victim = (each: Program) => new Victim(each.name, each);
    this.programs = { api: victim(api), workers: ours.map(victim), python: python.map(victim) };
    await Promise.all(this.#programs.map((each) => each.start()));
  }

  #python(name: string, queues: string, line: FleetLine): Program {
    const args = ["-m", "celery", "-A", "entity_service", "worker", "--queues", queues, "--concurrency", "2"];
    args.push("--hostname", `${name.replace(" ", "-")}@test`, "--loglevel", "INFO", "--task-events");
    const run = () => new StartedProcess(name, fleetPython(line), args, { env: this.#env("tables") });
    return new Program(name, run, ({ output }) => /@test ready\./.test(output), PYTHON_START_MS);
  }

  /** Kills the API and the workers; returns their output. */
  async down(): Promise<string> {
    const programs = this.#programs;
    this.#programs = [];
    this.programs = undefined;
    await Promise.all([...programs.map((each) => each.kill()), this.#original?.end()]);
    this.#original = undefined;
    return programs.map((each) => each.output).join("\n");
  }

  /** Starts one of our commands, which reaches the stores through their proxies. */
  run(name: string, args: readonly string[], encodings: Encodings): StartedProcess {
    return new StartedProcess(name, process.execPath, [cli, ...args], { env: this.#env(encodings) });
  }

  #env(encodings: Encodings): Record<string, string> {
    const { proxies, postgres, s3 } = this;
    return {
      ...addresses(proxies.postgres, proxies.redis, proxies.s3),
      DATABASE,
      DATABASE_USER: postgres.user,
      DATABASE_PASSWORD: postgres.password,
      CELERY_ACKS_LATE: "true",
      CELERY_VISIBILITY_TIMEOUT_SECONDS: String(VISIBILITY_TIMEOUT_SECONDS),
      CELERY_SHUTDOWN_GRACE_SECONDS: String(SHUTDOWN_GRACE_SECONDS),
      MINIO_ACCESS_KEY: s3.accessKey,
      MINIO_SECRET_KEY: s3.secretKey,
      MINIO_BUCKET: BUCKET,
      UPLOAD_OBJECT_STORE_ENABLED: "false",
      ENCODING_STORE: encodings,
      UPLOAD_LEASE_SECONDS: String(UPLOAD_LEASE_SECONDS),
      CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM),
      PYTHON_ALL_CANDIDATES: "true", // so that small blocks give equal results
      PYTHON_AFTER_RETURN_SECONDS: "0.1",
      PYTHON_EXECUTIONS_FILE: this.executionsFile,
      PYTHONPATH: fleet,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
      TMPDIR: this.folder, // killed programs leave their folders
    };
  }

  /** The environment of a program that reaches the stores directly. */
  #directEnv(): Record<string, string> {
    const { host, port } = this.postgres;
    const redis = { host: "127.0.0.1", port: this.redis.port };
    return { ...this.#env("tables"), ...addresses({ host, port }, redis, this.s3) };
  }

  async remove(): Promise<void> {
    await this.down();
    this.cache.disconnect();
    await this.database.end();
    await Promise.all(Object.values(this.proxies).map((proxy) => proxy.stop()));
    await Promise.all([this.postgres.remove(), this.redis.remove(), this.s3.remove()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function addresses(postgres: Address, redis: Address, s3: Address): Record<string, string> {
  const at = ({ host, port }: Address) => `${host}:${port}`;
  return {
    DATABASE_SERVER: at(postgres),
    REDIS_SERVER: at(redis),
    CELERY_BROKER_URL: `redis://${at(redis)}/0`,
    MINIO_SERVER: at(s3),
  };
}

async function answersReadyz(port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
    return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal })).ok;
  } catch {
    return false;
  }
}

/** A program that can be killed and restarted. */
export class Program {
  #process: StartedProcess | undefined;
  #earlier = "";

  constructor(
    readonly name: string,
    private readonly run: () => StartedProcess,
    private readonly check: (started: StartedProcess) => Promise<boolean> | boolean,
    /** Milliseconds after which it is killed and started again if it is not ready. */
    private readonly tryMs = START_TIMEOUT_MS,
  ) {}

  /** The last part of the output of each of its processes. */
  get output(): string {
    return this.#earlier + describe(this.#process);
  }

  async start(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      this.#earlier = this.output;
      const started = this.run();
      this.#process = started;
      const tryUntil = Date.now() + this.tryMs;
      while (Date.now() < tryUntil) {
        if (await this.check(started)) return;
        if (started.hasEnded) break;
        await pause(50);
      }
      if (started.hasEnded || Date.now() > deadline) {
        throw new Error(`${this.name} does not start: ${started.output}`);
      }
      await this.kill();
    }
  }

  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signalGroup(signal);
  }

  /** Resolves when it has ended; rejects if that takes too long. */
  async waitForEnd(timeoutMs: number): Promise<void> {
    await this.#process?.waitForEnd(timeoutMs);
  }

  async isReady(): Promise<boolean> {
    return this.#process !== undefined && (await this.check(this.#process));
  }
}

function describe(started: StartedProcess | undefined): string {
  return started === undefined ? "" : `${started.name} (${started.pid}):\n${started.output.slice(-20_000)}\n`;
}
