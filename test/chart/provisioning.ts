import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mcProgram } from "../servers/mc-program.js";
import { StartedProcess } from "../started-process.js";

const script = fileURLToPath(new URL("../../chart/files/provision.sh", import.meta.url));

/** The programs in the client's image that the script may use besides the shell. */
const COREUTILS = ["cat", "date", "dirname", "mktemp", "rm", "sleep", "timeout"];

export interface Provisioned {
  readonly code: number | NodeJS.Signals;
  readonly output: string;
  /** The command line of each call to MinIO's client, as a process list would show it. */
  readonly calls: readonly string[];
}

/** Runs the chart's script as in a container of MinIO's client, with only the given variables. */
export class Provisioning {
  readonly folder = mkdtempSync(join(tmpdir(), "provision-"));
  readonly #calls = join(this.folder, "calls");
  readonly #temporary = join(this.folder, "tmp");

  constructor() {
    const programs = join(this.folder, "bin");
    mkdirSync(programs);
    mkdirSync(this.#temporary);
    for (const name of COREUTILS) symlinkSync(join("/usr/bin", name), join(programs, name));
    const mc = join(programs, "mc");
    writeFileSync(mc, `#!/bin/sh\necho "$*" >>"${this.#calls}"\nexec "${mcProgram()}" "$@"\n`);
    chmodSync(mc, 0o755);
    writeFileSync(this.#calls, "");
  }

  async run(
    env: Readonly<Record<string, string>>,
    shell: readonly string[] = ["/bin/sh"],
  ): Promise<Provisioned> {
    const variables = { ...env, PATH: join(this.folder, "bin"), TMPDIR: this.#temporary };
    const pairs = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const args = ["-i", ...pairs, ...shell, script];
    const started = new StartedProcess("provision.sh", "/usr/bin/env", args);
    const code = await started.waitForEnd();
    const calls = readFileSync(this.#calls, "utf8").split("\n").slice(0, -1);
    return { code, output: started.output, calls };
  }

  /** The folder for temporary files, where leftovers would be. */
  get temporaryFolder(): string {
    return this.#temporary;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
