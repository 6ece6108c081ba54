import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StartedProcess } from "../started-process.js";
import { freePort } from "./free-port.js";
import { minioProgram } from "./minio-program.js";

const START_TIMEOUT_MS = 180_000;

/** An S3 server (MinIO) for one test, on a free port of 127.0.0.1, in a separate folder. It supports STS. */
export class S3Server {
  readonly host = "127.0.0.1";
  readonly accessKey = "the-access-key";
  readonly secretKey = "the # / @ % [ secret key";
  readonly folder = mkdtempSync(join(tmpdir(), "s3-"));
  #process: StartedProcess | undefined;

  constructor(readonly port: number) {}

  /** `host:port`, the format of the settings. */
  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** Starts the server, or restarts it after {@link stop} or {@link kill} on the same port with the same files. */
  async start(): Promise<void> {
    const args = ["server", this.folder, "--address", this.address, "--quiet"];
    this.#process = new StartedProcess("minio", minioProgram(), args, {
      env: {
        MINIO_ROOT_USER: this.accessKey,
        MINIO_ROOT_PASSWORD: this.secretKey,
        MINIO_BROWSER: "off",
        MINIO_UPDATE: "off",
      },
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#isReady())) {
      if (this.#process.hasEnded || Date.now() > deadline) {
        throw new Error(`minio is not ready: ${this.#process.output}`);
      }
      await sleep(50);
    }
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://${this.address}/minio/health/ready`)).ok;
    } catch {
      return false;
    }
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

export async function startS3(): Promise<S3Server> {
  const server = new S3Server(await freePort());
  await server.start();
  return server;
}
