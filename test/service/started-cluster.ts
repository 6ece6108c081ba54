import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../servers/free-port.js";
import { type PostgresServer, startPostgres } from "../servers/postgres.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { type S3Server, startS3 } from "../servers/s3.js";
import { StartedProcess } from "../started-process.js";
import type { ServiceKind, TestService } from "./test-service.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const START_TIMEOUT_MS = 180_000;
const DATABASE = "entityservice";
export const BUCKET = "entityservice";
export const UPLOAD_BUCKET = "uploads";

export interface StartClusterOptions {
  readonly kind?: Exclude<ServiceKind, "embedded">;
  /** The number of our workers, which run all tasks; default 1. */
  readonly workers?: number;
  /** Whether the API is started; default true. */
  readonly withApi?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** The password that Redis requires; default none. */
  readonly redisPassword?: string;
}

/** The API and workers as programs, on a test's own servers, with a database created by `migrate`. */
export class StartedCluster implements TestService {
  readonly processes: StartedProcess[] = [];

  private constructor(
    readonly kind: Exclude<ServiceKind, "embedded">,
    readonly postgres: PostgresServer,
    readonly redis: RedisServer,
    readonly s3: S3Server,
    readonly port: number,
    readonly more: Readonly<Record<string, string>>,
    readonly redisPassword: string,
  ) {}

  static async start(options: StartClusterOptions = {}): Promise<StartedCluster> {
    const { kind = "tables", workers = 1, withApi = true, redisPassword = "", env = {} } = options;
    const args = redisPassword === "" ? [] : ["--requirepass", redisPassword];
    const servers = await Promise.all([startPostgres(), startRedis({ appendOnly: true, args }), startS3()]);
    const cluster = new StartedCluster(kind, ...servers, await freePort(), env, redisPassword);
    try {
      await cluster.postgres.createEmptyDatabase(DATABASE);
      await cluster.migrate();
      await Promise.all([
        withApi ? cluster.startApi() : undefined,
        ...Array.from({ length: workers }, () => cluster.startWorker()),
      ]);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The settings of the API and of all workers. */
  get env(): Record<string, string> {
    const { postgres, redis, s3, redisPassword } = this;
    return {
      DATABASE_SERVER: `${postgres.host}:${postgres.port}`,
      DATABASE,
      DATABASE_USER: postgres.user,
      DATABASE_PASSWORD: postgres.password,
      REDIS_SERVER: `127.0.0.1:${redis.port}`,
      REDIS_PASSWORD: redisPassword,
      ...(redisPassword === "" && { CELERY_BROKER_URL: redis.url }),
      CELERY_ACKS_LATE: "true",
      MINIO_SERVER: s3.address,
      MINIO_ACCESS_KEY: s3.accessKey,
      MINIO_SECRET_KEY: s3.secretKey,
      MINIO_BUCKET: BUCKET,
      UPLOAD_OBJECT_STORE_SERVER: s3.address,
      UPLOAD_OBJECT_STORE_SECURE: "false",
      UPLOAD_OBJECT_STORE_ACCESS_KEY: s3.accessKey,
      UPLOAD_OBJECT_STORE_SECRET_KEY: s3.secretKey,
      UPLOAD_OBJECT_STORE_BUCKET: UPLOAD_BUCKET,
      DOWNLOAD_OBJECT_STORE_SERVER: s3.address,
      DOWNLOAD_OBJECT_STORE_SECURE: "false",
      DOWNLOAD_OBJECT_STORE_ACCESS_KEY: s3.accessKey,
      DOWNLOAD_OBJECT_STORE_SECRET_KEY: s3.secretKey,
      ENCODING_STORE: this.kind,
      CHUNK_SIZE_AIM: "200_000",
      ...this.more,
    };
  }

  #run(name: string, args: readonly string[]): StartedProcess {
    const started = new StartedProcess(name, process.execPath, [cli, ...args], { env: this.env });
    this.processes.push(started);
    return started;
  }

  async migrate(): Promise<void> {
    const migrate = this.#run("migrate", ["migrate"]);
    const code = await migrate.waitForEnd(START_TIMEOUT_MS);
    if (code !== 0) throw new Error(`migrate ends with ${code}: ${migrate.output}`);
  }

  async startApi(): Promise<StartedProcess> {
    const api = this.#run("api", ["api", "--host", "127.0.0.1", "--port", String(this.port)]);
    await this.#whenReady(api, `${this.url}/readyz`);
    return api;
  }

  /** Starts one of our workers. */
  async startWorker(queues = "celery,compute,highmemory"): Promise<StartedProcess> {
    const port = await freePort();
    const name = `worker-${this.processes.length}`;
    const worker = this.#run(name, [
      ...["worker", "--queues", queues, "--concurrency", "2", "--hostname", `${name}@${hostname()}`],
      ...["--health-host", "127.0.0.1", "--health-port", String(port)],
    ]);
    await this.#whenReady(worker, `http://127.0.0.1:${port}/readyz`);
    return worker;
  }

  async #whenReady(started: StartedProcess, url: string): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      const isReady = await fetch(url).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return;
      if (started.hasEnded || Date.now() > deadline) {
        throw new Error(`${started.name} does not start: ${started.output}`);
      }
      await pause(50);
    }
  }

  /** The last output of each program. */
  get output(): string {
    return this.processes.map(({ name, output }) => `${name}:\n${output.slice(-3000)}`).join("\n");
  }

  async close(): Promise<void> {
    await Promise.all(this.processes.map((started) => started.killGroup()));
    await Promise.all([this.postgres.remove(), this.redis.remove(), this.s3.remove()]);
  }
}
