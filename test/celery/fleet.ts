import { fileURLToPath } from "node:url";
import type { ExecutionContext } from "ava";
import IORedis, { type Redis } from "ioredis";
import { CeleryApp, type CeleryAppOptions, type CeleryWorkerOptions } from "../../src/celery/index.js";
import { type RedisServer, startRedis } from "../servers/redis.js";
import { StartedProcess } from "../started-process.js";
import { PythonClient, type PythonConfig, type PythonLine, startCelery } from "./python-celery.js";
import type { TypeScriptConfig } from "./typescript-worker.js";
import { until } from "./until.js";

const workerScript = fileURLToPath(new URL("typescript-worker.ts", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));

export interface FleetOptions {
  readonly visibilityTimeoutSeconds?: number;
  /** Python's settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Python's `broker_transport_options`, apart from the visibility timeout. */
  readonly transportOptions?: Readonly<Record<string, unknown>>;
  readonly backendTransportOptions?: Readonly<Record<string, unknown>>;
  /** URLs, if they differ from that of {@link Fleet.redis}: for Sentinel or TLS. */
  readonly pythonUrl?: string;
  readonly typeScriptUrl?: string;
  /** Our settings. */
  readonly app?: Partial<CeleryAppOptions>;
  /** A server that is already started; the caller removes it. */
  readonly redis?: RedisServer;
}

export interface PythonWorkerOptions {
  readonly queues?: readonly string[];
  /** Default 1. */
  readonly concurrency?: number;
  /** Default `py`. */
  readonly name?: string;
  /** More arguments of `celery worker`. */
  readonly args?: readonly string[];
  /** More Celery settings. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Whether to use mingle and gossip; default false, which starts faster. */
  readonly sociable?: boolean;
}

/** Workers and clients in both languages on their own Redis server; stops with its test. */
export class Fleet {
  readonly #started: (StartedProcess | PythonClient)[] = [];
  #app: CeleryApp | undefined;
  #python: PythonClient | undefined;
  #records: Redis | undefined;

  constructor(
    readonly line: PythonLine,
    readonly redis: RedisServer,
    readonly options: FleetOptions,
  ) {}

  /** Our client, in the test's process. */
  get app(): CeleryApp {
    this.#app ??= new CeleryApp(this.appOptions);
    return this.#app;
  }

  /** A Python client. */
  get python(): PythonClient {
    if (this.#python === undefined) {
      this.#python = new PythonClient(this.line, this.#pythonConfig({}));
      this.#started.push(this.#python);
    }
    return this.#python;
  }

  /** A plain connection, for inspecting the stored data. */
  get store(): Redis {
    this.#records ??= new IORedis(this.redis.url);
    return this.#records;
  }

  get appOptions(): CeleryAppOptions {
    const url = this.options.typeScriptUrl ?? this.redis.url;
    const { visibilityTimeoutSeconds } = this.options;
    return { broker: url, backend: url, visibilityTimeoutSeconds, ...this.options.app };
  }

  #pythonConfig(settings: Readonly<Record<string, unknown>>): PythonConfig {
    const { visibilityTimeoutSeconds, transportOptions = {}, backendTransportOptions = {} } = this.options;
    const url = this.options.pythonUrl ?? this.redis.url;
    return {
      broker: url,
      backend: url,
      records: this.redis.url,
      settings: {
        broker_transport_options: {
          ...(visibilityTimeoutSeconds === undefined ? {} : { visibility_timeout: visibilityTimeoutSeconds }),
          ...transportOptions,
        },
        result_backend_transport_options: backendTransportOptions,
        worker_prefetch_multiplier: 1,
        broker_connection_retry_on_startup: true,
        ...this.options.settings,
        ...settings,
      },
    };
  }

  /** Starts `celery worker`; resolves once it consumes. */
  async pythonWorker(options: PythonWorkerOptions = {}): Promise<StartedProcess> {
    const {
      queues = ["py"],
      concurrency = 1,
      name = "py",
      args = [],
      settings = {},
      sociable = false,
    } = options;
    const worker = this.pythonCommand(
      [
        ...["worker", "--loglevel", "INFO", "--hostname", `${name}@test`, "--queues", queues.join(",")],
        ...["--concurrency", String(concurrency)],
        ...(sociable ? [] : ["--without-mingle", "--without-gossip"]),
        ...args,
      ],
      settings,
    );
    await worker.whenPrinted(/@test ready\./);
    return worker;
  }

  /** Starts any of Celery's commands. */
  pythonCommand(args: readonly string[], settings: Readonly<Record<string, unknown>> = {}): StartedProcess {
    const command = startCelery(this.line, this.#pythonConfig(settings), args);
    this.#started.push(command);
    return command;
  }

  /** Starts one of our workers in a separate process; resolves once it consumes. */
  async typeScriptWorker(
    options: CeleryWorkerOptions = {},
    more: Pick<TypeScriptConfig, "diesAfterChordPart"> = {},
  ): Promise<StartedProcess> {
    const config: TypeScriptConfig = {
      app: this.appOptions,
      worker: { queues: ["ts"], concurrency: 1, hostname: "ts@test", ...options },
      records: this.redis.url,
      ...more,
    };
    const env = { CELERY_TEST: JSON.stringify(config) };
    const args = ["--import=tsx", workerScript];
    const worker = new StartedProcess("typescript-worker", process.execPath, args, { cwd: root, env });
    this.#started.push(worker);
    await worker.whenPrinted(/^\{"ready":true/m);
    return worker;
  }

  /** The stored result of a task, once it has ended: SUCCESS, FAILURE or REVOKED. */
  async ended(taskId: string, timeoutMs = 120_000): Promise<StoredResult> {
    return until(`the end of task ${taskId}`, timeoutMs, async () => {
      const stored = await this.stored(taskId);
      return stored !== undefined && ["SUCCESS", "FAILURE", "REVOKED"].includes(stored.status)
        ? stored
        : undefined;
    });
  }

  /** The stored result of a task, if there is one yet. */
  async stored(taskId: string): Promise<StoredResult | undefined> {
    const text = await this.store.get(this.app.backend.resultKey(taskId));
    return text === null ? undefined : (JSON.parse(text) as StoredResult);
  }

  /** The notes that tasks have left under a key, once there are at least `count`. */
  async notes<Note = Circumstances>(key: string, count: number, timeoutMs = 120_000): Promise<Note[]> {
    return until(`${count} notes ${key}`, timeoutMs, async () => {
      const notes = await this.store.lrange(key, 0, -1);
      return notes.length >= count ? notes.map((note) => JSON.parse(note) as Note) : undefined;
    });
  }

  /** Resolves once no worker holds a message. */
  async nothingUnacknowledged(timeoutMs = 120_000): Promise<void> {
    const { unacked, unackedIndex } = this.app.broker.keys;
    await until("all messages acknowledged", timeoutMs, async () => {
      const held = (await this.store.hlen(unacked)) + (await this.store.zcard(unackedIndex));
      return held === 0 ? true : undefined;
    });
  }

  /** Stops everything; if the test has failed, logs the output of the processes. */
  async end(t: { readonly passed: boolean; log(output: string): void }): Promise<void> {
    for (const each of this.#started.reverse()) {
      if (each instanceof PythonClient) {
        each.close();
        continue;
      }
      await each.killGroup();
      if (!t.passed) t.log(`${each.name} (${each.pid}):\n${each.output.slice(-6000)}`);
    }
    await this.#app?.disconnect();
    this.#records?.disconnect();
    if (this.options.redis === undefined) await this.redis.remove();
  }
}

/** The stored result of a task. */
export interface StoredResult {
  readonly status: string;
  readonly result: unknown;
  readonly date_done: string | null;
  readonly parent_id?: string;
  readonly children: unknown[];
  readonly [name: string]: unknown;
}

/** What tasks report about their call: see app.py. */
export interface Circumstances {
  readonly lang: "py" | "ts";
  readonly id: string;
  readonly parent_id: string | null;
  readonly root_id: string | null;
  readonly retries: number;
  readonly hostname: string;
  readonly redelivered: boolean;
  readonly priority: number | null;
  readonly routing_key: string;
  readonly pid: number;
}

/** Starts a Redis server for the workers and clients of a test; everything stops when the test ends. */
export async function startFleet(
  t: ExecutionContext,
  line: PythonLine,
  options: FleetOptions = {},
): Promise<Fleet> {
  const fleet = new Fleet(line, options.redis ?? (await startRedis()), options);
  t.teardown(() => fleet.end(t));
  return fleet;
}
