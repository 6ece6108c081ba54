import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { ContainerSpec, Probe } from "../chart/manifests.js";
import { StartedProcess } from "../started-process.js";

export interface Program {
  readonly command: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The user it runs as; default: the one who runs the tests. */
  readonly userId?: number;
}

/** Replaces addresses and paths in a rendered string with those on this machine. */
export type Translate = (text: string) => string;

/** The kinds of probes, in the order in which they must succeed. */
const PROBES = ["startupProbe", "livenessProbe", "readinessProbe"] as const;
const START_TIMEOUT_MS = 180_000;
const LAST_OUTPUT_MS = 200;

/**
 * A container of a pod, as a process: it has the pod's host name and is process 1 in its own PID namespace, like in a
 * real container. It shares the network and the files of this machine.
 */
export class Container {
  readonly #process: StartedProcess;

  constructor(
    readonly spec: ContainerSpec,
    private readonly hostname: string,
    private readonly program: Program,
    private readonly translate: Translate,
    private readonly portOf: (name: string) => number,
  ) {
    const { userId, env, command } = program;
    const begin = 'hostname "$0" && exec "$@"';
    // Output goes through a pipe, as in a container: nginx opens /dev/stdout, which fails for the sockets of Node.
    this.#process = new StartedProcess(`${hostname}/${spec.name}`, "bash", [
      ...["-c", 'exec "$@" > >(cat) 2> >(cat >&2)', "bash"],
      ...["unshare", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", begin, hostname],
      ...(userId === undefined ? [] : asUser(userId)),
      ...withEnvironment(env, command),
    ]);
  }

  get output(): string {
    return this.#process.output;
  }

  get hasEnded(): boolean {
    return this.#process.hasEnded;
  }

  /** Resolves with its exit code once it has ended; its output is complete then. */
  async waitForEnd(timeoutMs: number): Promise<number | NodeJS.Signals> {
    const code = await this.#process.waitForEnd(timeoutMs);
    // Another process reads the pipe, and it may lag behind.
    for (let length = -1; length !== this.output.length; await pause(LAST_OUTPUT_MS))
      length = this.output.length;
    return code;
  }

  /** Sends a signal to the first process in the container. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#firstPid();
    if (pid !== undefined && !this.hasEnded) process.kill(pid, signal);
  }

  kill(): Promise<void> {
    return this.#process.killGroup();
  }

  /** Waits until all its probes succeed. */
  async whenReady(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (const kind of PROBES) {
      const probe = this.spec[kind];
      while (probe !== undefined && !(await this.ask(probe))) {
        if (this.hasEnded || Date.now() > deadline) {
          throw new Error(`the ${kind} of ${this.#process.name} says no: ${this.output.slice(-4000)}`);
        }
        await pause(100);
      }
    }
  }

  async ask({ httpGet, tcpSocket, exec }: Probe): Promise<boolean> {
    if (httpGet !== undefined) {
      const url = `http://127.0.0.1:${this.portOf(httpGet.port)}${httpGet.path}`;
      return fetch(url, { redirect: "manual" }).then(
        ({ status }) => status >= 200 && status < 400,
        () => false,
      );
    }
    if (tcpSocket !== undefined) return canConnect(this.portOf(tcpSocket.port));
    if (exec === undefined)
      throw new Error(`expected a probe of ${this.#process.name}, got none that is known`);
    return (await this.execute(exec.command)?.waitForEnd()) === 0;
  }

  /** Runs a command in the container; returns `undefined` if the container has ended. */
  execute(command: readonly string[]): StartedProcess | undefined {
    const pid = this.#firstPid();
    if (pid === undefined || this.hasEnded) return undefined;
    return new StartedProcess(`${this.hostname}/${this.spec.name}: ${command[0]}`, "nsenter", [
      ...["--target", String(pid), "--uts", "--pid", "--"],
      ...withEnvironment(this.program.env, command.map(this.translate)),
    ]);
  }

  /** The host's process id of the container's process 1. */
  #firstPid(): number | undefined {
    try {
      const { pid } = this.#process;
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
      const first = children.find((child) =>
        /^NSpid:.*\t1$/m.test(readFileSync(`/proc/${child}/status`, "utf8")),
      );
      return first === undefined ? undefined : Number(first);
    } catch {
      return undefined; // it has just ended
    }
  }
}

/** Runs a command as a user. The user owns the output pipes, so that they can be opened again. */
function asUser(id: number): string[] {
  const user = [`--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--no-new-privs"];
  return ["setpriv", ...user, "bash", "-c", 'exec "$@" > >(cat) 2> >(cat >&2)', "bash"];
}

function withEnvironment(env: Readonly<Record<string, string>>, command: readonly string[]): string[] {
  return ["env", "-i", ...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...command];
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
