import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";

const run = promisify(execFile);
const template = fileURLToPath(new URL("../../chart/files/nginx.conf.template", import.meta.url));
const START_TIMEOUT_MS = 180_000;
const LOG_TIMEOUT_MS = 60_000;
/** An unprivileged user id that is not otherwise used. */
const USER = 10_101;

/** The template variables that tests can set. */
export interface NginxSettings {
  readonly MAX_BODY_SIZE: string;
  readonly MAX_UPLOADS: string;
  readonly MAX_UPLOADS_PER_ADDRESS: string;
  readonly REQUESTS_PER_SECOND: string;
  readonly BURST: string;
  readonly TRUSTED_PROXIES: string;
}

/** Limits that only tests of limits reach. */
const GENEROUS: NginxSettings = {
  MAX_BODY_SIZE: "10g",
  MAX_UPLOADS: "100",
  MAX_UPLOADS_PER_ADDRESS: "100",
  REQUESTS_PER_SECOND: "1000",
  BURST: "1000",
  TRUSTED_PROXIES: "",
};

/** A line of the access log. */
export interface LoggedRequest {
  readonly time: string;
  readonly requestId: string;
  readonly address: string;
  readonly method: string;
  readonly call: string;
  readonly status: number;
  readonly seconds: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly apiStatus: string;
  readonly apiSeconds: string;
  readonly limit: string;
}

/** Mounts everything read-only except the temporary folder. nginx opens /dev/stdout, so it gets its own pipe. */
const START = `
set -eu
mount --bind "$1" "$1"
mount -o remount,bind,ro /
exec setpriv --reuid=${USER} --regid=${USER} --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \\
  bash -c 'exec nginx -c "$1/nginx.conf" -g "daemon off;" > >(cat)' nginx "$1"`;

/** Debian's nginx with the project's configuration, in front of a server: not as root, on a read-only file system. */
export class NginxServer {
  readonly #process: StartedProcess;

  private constructor(
    readonly port: number,
    /** The folder of everything that it writes. */
    readonly folder: string,
    process: StartedProcess,
  ) {
    this.#process = process;
  }

  /**
   * @param api `host:port` of the upstream server
   * @param edit changes the filled configuration, for example to shorten timeouts
   */
  static async start(
    api: string,
    settings: Partial<NginxSettings> = {},
    edit: (configuration: string) => string = (configuration) => configuration,
  ): Promise<NginxServer> {
    const folder = mkdtempSync(join(tmpdir(), "nginx-"));
    const port = await freePort();
    const variables = {
      ...GENEROUS,
      ...settings,
      API_ADDRESS: api,
      LISTEN_PORT: `127.0.0.1:${port}`,
      TEMP_FOLDER: folder,
    };
    writeFileSync(join(folder, "nginx.conf"), edit(await fillTemplate(variables)));
    chmodSync(folder, 0o700);
    chownSync(folder, USER, USER);
    const nginx = new StartedProcess("nginx", "unshare", ["--mount", "sh", "-c", START, "start", folder]);
    const server = new NginxServer(port, folder, nginx);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await server.#answers())) {
      if (nginx.hasEnded || Date.now() > deadline) throw new Error(`nginx does not start: ${nginx.output}`);
      await pause(20);
    }
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The process group's leader, which is nginx itself. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Its output so far. */
  get output(): string {
    return this.#process.output;
  }

  /** Resolves with the matching lines of the access log once there are `count`; they are written after the answers. */
  async logged(pattern: Partial<LoggedRequest>, count = 1): Promise<readonly LoggedRequest[]> {
    const deadline = Date.now() + LOG_TIMEOUT_MS;
    const wanted = Object.entries(pattern);
    for (;;) {
      const found = this.#log.filter((line) =>
        wanted.every(([name, value]) => line[name as keyof LoggedRequest] === value),
      );
      if (found.length >= count) return found;
      if (Date.now() > deadline)
        throw new Error(`${JSON.stringify(pattern)}: only ${found.length} lines are like this`);
      await pause(10);
    }
  }

  get #log(): readonly LoggedRequest[] {
    const end = this.output.lastIndexOf("\n");
    const lines = this.output
      .slice(0, end)
      .split("\n")
      .filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as LoggedRequest);
  }

  async #answers(): Promise<boolean> {
    return fetch(`${this.url}/metrics`).then(
      ({ status }) => status === 404,
      () => false,
    );
  }

  /** Stops it gracefully; resolves with its exit code. */
  async stop(): Promise<number | NodeJS.Signals> {
    this.#process.signal("SIGQUIT");
    return this.#process.waitForEnd();
  }

  async remove(): Promise<void> {
    await this.#process.killGroup();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The configuration template. */
export function templateText(): string {
  return readFileSync(template, "utf8");
}

/** Fills in the template like the entry point of the nginx image: only the named variables. */
export async function fillTemplate(variables: Readonly<Record<string, string>>): Promise<string> {
  const names = Object.keys(variables)
    .map((name) => `\${${name}}`)
    .join(" ");
  const child = run("envsubst", [names], { env: { PATH: process.env["PATH"]!, ...variables } });
  child.child.stdin!.end(templateText());
  return (await child).stdout;
}
