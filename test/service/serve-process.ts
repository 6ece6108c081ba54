import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";
import { ServiceClient } from "./client.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const START_TIMEOUT_MS = 60_000;
const MEASURED_EVERY_MS = 20;

/** `anonlink-wasm serve` on a data folder, as a program that can be killed and started again, on the same port. */
export class ServeProcess {
  #process: StartedProcess | undefined;

  private constructor(
    readonly dataFolder: string,
    readonly port: number,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** @param env settings */
  static async start(dataFolder: string, env: Readonly<Record<string, string>> = {}): Promise<ServeProcess> {
    const serve = new ServeProcess(dataFolder, await freePort(), env);
    await serve.start();
    return serve;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get client(): ServiceClient {
    return new ServiceClient(this.url);
  }

  /** What it has printed since it was started. */
  get output(): string {
    return this.#process?.output ?? "";
  }

  get hasEnded(): boolean {
    return this.#process?.hasEnded ?? true;
  }

  /** Starts it; resolves once its stores answer. */
  async start(): Promise<void> {
    const args = [
      cli,
      "serve",
      "--host",
      "127.0.0.1",
      "--port",
      String(this.port),
      "--data",
      this.dataFolder,
    ];
    this.#process = new StartedProcess("serve", process.execPath, args, { env: this.env });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#isReady())) {
      if (this.#process.hasEnded || Date.now() > deadline) {
        throw new Error(`the service does not start: ${this.#process.output}`);
      }
      await pause(30);
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  /** SIGTERM; resolves with the exit code or signal. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#process!.signal("SIGTERM");
    return this.#process!.waitForEnd();
  }

  /** SIGKILL, for it and its children. */
  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  /** Bytes of memory that it has now, as Linux counts the resident set. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#process!.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]);
  }

  /** The most memory that it had, while something was done. */
  async peakResidentBytes(work: () => Promise<unknown>): Promise<number> {
    let peak = this.residentBytes();
    const timer = setInterval(() => {
      peak = Math.max(peak, this.residentBytes());
    }, MEASURED_EVERY_MS);
    try {
      await work();
    } finally {
      clearInterval(timer);
    }
    return Math.max(peak, this.residentBytes());
  }
}
