import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StartedProcess } from "../started-process.js";
import { freePort } from "./free-port.js";

export interface RedisOptions {
  /** Keep an append-only file, synced on each write, so that a killed server loses nothing; default false. */
  readonly appendOnly?: boolean;
  /** Additional arguments of redis-server, such as `["--tls-port", "6390"]`. */
  readonly args?: readonly string[];
}

/** A Redis server for one test, on a free port of 127.0.0.1, in a separate folder. */
export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), "redis-"));
  #process: StartedProcess | undefined;

  constructor(
    readonly port: number,
    private readonly options: RedisOptions = {},
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}/0`;
  }

  /** Starts the server, or restarts it after {@link stop} or {@link kill} on the same port with the same files. */
  async start(): Promise<void> {
    const { appendOnly = false, args = [] } = this.options;
    const persistence = appendOnly ? ["--appendonly", "yes", "--appendfsync", "always"] : [];
    this.#process = new StartedProcess("redis-server", "redis-server", [
      ...["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder, "--save", ""],
      ...persistence,
      ...args,
    ]);
    await this.#process.whenPrinted(/Ready to accept connections/, 180_000);
  }

  /** Shuts the server down cleanly; its files are kept. */
  async stop(): Promise<void> {
    this.#process?.signal("SIGTERM");
    await this.#process?.waitForEnd();
  }

  /** SIGSTOP pauses the server until SIGCONT. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  /** Kills the server and removes its files. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(await freePort(), options);
  await server.start();
  return server;
}
