import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import IORedis, { type Redis } from "ioredis";
import { Client } from "minio";
import pg from "pg";
import { CuttingProxy } from "../servers/cutting-proxy.js";
import { freePort } from "../servers/free-port.js";
import { type PostgresServer, startPostgres } from "../servers/postgres.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { type S3Server, startS3 } from "../servers/s3.js";
import { ServiceClient } from "../service/client.js";
import { StartedProcess } from "../started-process.js";
import { Victim } from "./victim.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const DATABASE = "entityservice";
export const BUCKET = "entityservice";
/** How long what a dead worker holds stays its own. */
export const VISIBILITY_TIMEOUT_SECONDS = 3;
/** How long an upload that was broken off stays its party's. */
const UPLOAD_LEASE_SECONDS = 3;
/** So that a run has many parts, and faults fall between them. */
const CHUNK_SIZE_AIM = 20_000;

/** Where new encodings go. */
export type Encodings = "tables" | "packed";

/** What stands before each server; and `api` between the clients and the API. */
export interface Proxies {
  readonly postgres: CuttingProxy;
  readonly redis: CuttingProxy;
  readonly s3: CuttingProxy;
  readonly api: CuttingProxy;
}

/** The API and two workers as programs, on stores which they reach through proxies. The test reaches them directly. */
export class ServiceCluster {
  readonly database: pg.Pool;
  readonly cache: Redis;
  readonly files: Client;
  readonly folder = mkdtempSync(join(tmpdir(), "entity-service-cluster-"));
  /** The API and two workers, while they are up. */
  programs: { readonly api: Victim; readonly workers: readonly [Victim, Victim] } | undefined;
  readonly servers: { readonly postgres: Victim; readonly redis: Victim; readonly s3: Victim };
  #programs: Program[] = [];

  private constructor(
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly s3: S3Server,
    readonly proxies: Proxies,
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

  static async start(): Promise<ServiceCluster> {
    const [postgres, redis, s3] = await Promise.all([
      startPostgres(),
      startRedis({ appendOnly: true }),
      startS3(),
    ]);
    const apiPort = await freePort();
    const before = (port: number) => CuttingProxy.start({ host: "127.0.0.1", port });
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

  /** Clients reach the API through the proxy. */
  get client(): ServiceClient {
    return new ServiceClient(`http://127.0.0.1:${this.proxies.api.port}`);
  }

  /** Starts the API and the workers; resolves once they are ready. */
  async up(encodings: Encodings): Promise<void> {
    const program = (name: string, port: number, args: readonly string[]) =>
      new Program(name, port, () => this.run(name, args, encodings));
    const host = ["--host", "127.0.0.1", "--port", String(this.apiPort)];
    const worker = async (name: string) => {
      const port = await freePort();
      const args = [
        "worker",
        "--queues",
        "celery,compute,highmemory",
        "--hostname",
        `${name.replace(" ", "-")}@test`,
      ];
      args.push("--health-host", "127.0.0.1", "--health-port", String(port));
      return program(name, port, args);
    };
    this.#programs = [
      program("API", this.apiPort, ["api", ...host]),
      await worker("worker 1"),
      await worker("worker 2"),
    ];
    const [api, ...workers] = this.#programs.map((each) => new Victim(each.name, each));
    this.programs = { api: api!, workers: workers as [Victim, Victim] };
    await Promise.all(this.#programs.map((each) => each.start()));
  }

  /** Kills the API and the workers; returns what they have printed. */
  async down(): Promise<string> {
    const programs = this.#programs;
    this.#programs = [];
    this.programs = undefined;
    await Promise.all(programs.map((each) => each.kill()));
    return programs.map((each) => each.output).join("\n");
  }

  /** Starts one of our commands, which finds the stores behind their proxies. */
  run(name: string, args: readonly string[], encodings: Encodings): StartedProcess {
    const { proxies, postgres, s3 } = this;
    const at = ({ host, port }: CuttingProxy) => `${host}:${port}`;
    const env = {
      DATABASE_SERVER: at(proxies.postgres),
      DATABASE,
      DATABASE_USER: postgres.user,
      DATABASE_PASSWORD: postgres.password,
      REDIS_SERVER: at(proxies.redis),
      CELERY_BROKER_URL: `redis://${at(proxies.redis)}/0`,
      CELERY_VISIBILITY_TIMEOUT_SECONDS: String(VISIBILITY_TIMEOUT_SECONDS),
      MINIO_SERVER: at(proxies.s3),
      MINIO_ACCESS_KEY: s3.accessKey,
      MINIO_SECRET_KEY: s3.secretKey,
      MINIO_BUCKET: BUCKET,
      ENCODING_STORE: encodings,
      UPLOAD_LEASE_SECONDS: String(UPLOAD_LEASE_SECONDS),
      CHUNK_SIZE_AIM: String(CHUNK_SIZE_AIM),
      TMPDIR: this.folder, // what is killed leaves its folders
    };
    return new StartedProcess(name, process.execPath, [cli, ...args], { env });
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

/** A program of ours. */
export class Program {
  #process: StartedProcess | undefined;
  #earlier = "";

  /** @param port where it answers /readyz */
  constructor(
    readonly name: string,
    readonly port: number,
    private readonly run: () => StartedProcess,
  ) {}

  /** What it has printed at last, in all its lives. */
  get output(): string {
    return this.#earlier + describe(this.#process);
  }

  async start(): Promise<void> {
    this.#earlier = this.output;
    const started = this.run();
    this.#process = started;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#isReady())) {
      if (started.hasEnded || Date.now() > deadline) {
        throw new Error(`${this.name} does not start: ${started.output}`);
      }
      await pause(50);
    }
  }

  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.port}/readyz`)).ok;
    } catch {
      return false;
    }
  }
}

function describe(started: StartedProcess | undefined): string {
  return started === undefined ? "" : `${started.name} (${started.pid}):\n${started.output.slice(-20_000)}\n`;
}
