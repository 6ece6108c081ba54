import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";
import { ServiceClient } from "./client.js";

const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const START_TIMEOUT_MS = 180_000;
const MEASURED_EVERY_MS = 20;

/** `anonlink-wasm serve` on a data folder, as a program that can be killed and restarted on the same port. */
export class ServeProcess {
  #process: StartedProcess | undefined;

  private constructor(
    readonly dataFolder: string,
    readonly port: number,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  /** @param env settings, as environment variables */
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

  /** Its output since the last start. */
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

  /** Sends SIGTERM; resolves with the exit code or signal. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#process!.signal("SIGTERM");
    return this.#process!.waitForEnd();
  }

  /** Sends SIGKILL to it and its children. */
  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  /** The bytes of its current resident set, as Linux counts it. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.#process!.pid}/status`, "utf8");
    return 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]);
  }

  /** The peak of its resident memory while `work` runs, in bytes. */
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
