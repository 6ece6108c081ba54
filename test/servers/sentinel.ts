import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartedProcess } from "../started-process.js";
import { freePort } from "./free-port.js";
import type { RedisServer } from "./redis.js";

/** A single Sentinel for the master `mymaster`; it starts a failover once the master has been down for a second. */
export class Sentinel {
  readonly #process: StartedProcess;

  private constructor(
    readonly port: number,
    process: StartedProcess,
  ) {
    this.#process = process;
  }

  /** @param master the initial master; the Sentinel's configuration file is stored in its folder */
  static async start(master: RedisServer): Promise<Sentinel> {
    const port = await freePort();
    const file = join(master.folder, "sentinel.conf");
    writeFileSync(
      file,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `dir ${master.folder}`,
        `sentinel monitor mymaster 127.0.0.1 ${master.port} 1`,
        "sentinel down-after-milliseconds mymaster 1000",
        "sentinel failover-timeout mymaster 10000",
        "",
      ].join("\n"),
    );
    const process = new StartedProcess("sentinel", "redis-server", [file, "--sentinel"]);
    await process.whenPrinted(/\+monitor master mymaster/, 60_000);
    return new Sentinel(port, process);
  }

  get url(): string {
    return `sentinel://127.0.0.1:${this.port}/0`;
  }

  /** Resolves once the Sentinel has printed output that matches the pattern. */
  async whenSaid(pattern: RegExp, timeoutMs = 120_000): Promise<void> {
    await this.#process.whenPrinted(pattern, timeoutMs);
  }

  async kill(): Promise<void> {
    await this.#process.killGroup();
  }
}
