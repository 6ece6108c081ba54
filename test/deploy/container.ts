import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { StartedProcess } from "../started-process.js";
import { asUser, readOnlyCommand } from "./chroot.js";
import type { Image } from "./image.js";

const run = promisify(execFile);

/** A program in an image's root, started as a container engine does with a read-only root. */
export class Container {
  readonly process: StartedProcess;

  /**
   * @param args replace the image's command
   * @param volumes folders of this machine, by the path where they are mounted
   */
  constructor(
    private readonly image: Image,
    args: readonly string[],
    volumes: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
  ) {
    const settings = { ...image, env: { ...image.env, ...env } };
    const command = [...image.entrypoint, ...(args.length > 0 ? args : image.command)];
    const [program, ...rest] = readOnlyCommand(image.root, command, settings, volumes);
    this.process = new StartedProcess(args[0] ?? "container", program, rest);
  }

  /** The host's process id of the container's process 1. */
  get pid(): number {
    const { pid } = this.process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
  }

  /** Runs a command in the container; rejects if it fails. */
  async execute(command: readonly string[]): Promise<string> {
    const into = ["--target", String(this.pid), "--mount", "--pid", "--root"];
    const { stdout } = await run("nsenter", [...into, ...asUser(command, this.image)]);
    return stdout;
  }

  /** Whether the image's HEALTHCHECK succeeds. */
  async isHealthy(): Promise<boolean> {
    return this.execute(this.image.healthCheck).then(
      () => true,
      () => false,
    );
  }

  /** Sends SIGTERM to the program; resolves with its exit code. */
  async stop(): Promise<number | NodeJS.Signals> {
    process.kill(this.pid, "SIGTERM");
    return this.process.waitForEnd();
  }

  async kill(): Promise<void> {
    await this.process.killGroup();
  }
}
