import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { ContainerSpec } from "../chart/manifests.js";
import type { RenderedChart, Workload } from "../chart/rendered-chart.js";
import { freePort } from "../servers/free-port.js";
import { Container, type Translate } from "./container.js";
import { imageProgram } from "./image-programs.js";

/** Ports that pods of this process have used. They stay reserved until the process ends. */
const taken = new Set<number>();
const ONCE_TIMEOUT_MS = 120_000;
const DEFAULT_GRACE_SECONDS = 30;

/** How a container ended after it was asked to stop. */
export interface End {
  readonly code: number | NodeJS.Signals;
  /** Whether its pod's grace period was over. */
  readonly wasKilled: boolean;
  readonly output: string;
}

/**
 * A rendered pod, as processes on this machine. Values that cannot be used as rendered are replaced in commands,
 * variables and the files of ConfigMaps:
 * - a port that is taken, by a free one; all ports are on 127.0.0.1;
 * - the path of a volume, by the volume's folder below a temporary folder; TMPDIR is the one for /tmp;
 * - the name and port of a Service, by the address where its pod listens (see `Release`).
 * Everything else is as rendered: arguments, variables, probes, and preStop hooks.
 */
export class Pod {
  readonly containers: Container[] = [];
  readonly #ports = new Map<number, number>();
  readonly #folders = new Map<string, string>();

  private constructor(
    readonly workload: Workload,
    /** Its host name. */
    readonly name: string,
    readonly folder: string,
    private readonly chart: RenderedChart,
    private readonly services: () => ReadonlyMap<string, string>,
  ) {}

  /**
   * Starts its containers after its init containers have finished; resolves once all probes succeed.
   *
   * @param services the addresses of Services, by `name:port`
   */
  static async start(
    chart: RenderedChart,
    workload: Workload,
    name: string,
    services: () => ReadonlyMap<string, string>,
  ): Promise<Pod> {
    const pod = await Pod.#prepare(chart, workload, name, services);
    try {
      await pod.#initialize();
      for (const spec of workload.pod.containers) pod.containers.push(pod.#container(spec));
      await Promise.all(pod.containers.map((container) => container.whenReady()));
    } catch (error) {
      await pod.kill(); // the caller has no reference to it
      throw error;
    }
    return pod;
  }

  /** Runs a pod that ends by itself; returns its exit code and output. */
  static async run(
    chart: RenderedChart,
    workload: Workload,
    name: string,
    services: () => ReadonlyMap<string, string>,
    timeoutMs = ONCE_TIMEOUT_MS,
  ): Promise<{ code: number | NodeJS.Signals; output: string }> {
    const pod = await Pod.#prepare(chart, workload, name, services);
    await pod.#initialize();
    const container = pod.#container(workload.pod.containers[0]!);
    try {
      const code = await container.waitForEnd(timeoutMs);
      return { code, output: container.output };
    } finally {
      await container.kill();
      rmSync(pod.folder, { recursive: true, force: true });
    }
  }

  static async #prepare(
    chart: RenderedChart,
    workload: Workload,
    name: string,
    services: () => ReadonlyMap<string, string>,
  ): Promise<Pod> {
    const pod = new Pod(workload, name, mkdtempSync(join(tmpdir(), `${name}-`)), chart, services);
    chmodSync(pod.folder, 0o755); // for the users of its containers
    for (const { ports = [] } of workload.containers) {
      for (const { containerPort } of ports) pod.#ports.set(containerPort, await portLike(containerPort));
    }
    return pod;
  }

  get isRunning(): boolean {
    return this.containers.every((container) => !container.hasEnded);
  }

  container(name: string): Container {
    const found = this.containers.find(({ spec }) => spec.name === name);
    if (found === undefined) throw new Error(`expected a container ${name} in ${this.name}, got none`);
    return found;
  }

  /** The port on this machine for a port of its containers, by name or number. */
  portOf(name: string | number): number {
    const ports = this.workload.containers.flatMap((container) => container.ports ?? []);
    const rendered = ports.find((port) => port.name === name || port.containerPort === name)?.containerPort;
    if (rendered === undefined) throw new Error(`expected a port ${name} of ${this.name}, got none`);
    return this.#ports.get(rendered)!;
  }

  /** Stops it like the kubelet: preStop hooks, then SIGTERM, then SIGKILL after the grace period. */
  async end(): Promise<Record<string, End>> {
    const seconds = this.workload.pod.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
    const deadline = Date.now() + 1000 * seconds;
    const ends = this.containers.map(async (container): Promise<[string, End]> => {
      const ended = container.waitForEnd(2000 * seconds);
      const late = pause(deadline - Date.now(), "late" as const, { ref: false });
      const before = container.spec.lifecycle?.preStop?.exec?.command;
      const prepared = before === undefined ? undefined : container.execute(before);
      if (prepared !== undefined) await Promise.race([prepared.ended, ended, late]);
      container.signal("SIGTERM");
      const code = await Promise.race([ended, late]);
      await prepared?.killGroup();
      if (code !== "late") return [container.spec.name, { code, wasKilled: false, output: container.output }];
      await container.kill();
      return [container.spec.name, { code: await ended, wasKilled: true, output: container.output }];
    });
    const all = Object.fromEntries(await Promise.all(ends));
    rmSync(this.folder, { recursive: true, force: true });
    return all;
  }

  async kill(): Promise<void> {
    await Promise.all(this.containers.map((container) => container.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs the init containers, one after the other. */
  async #initialize(): Promise<void> {
    for (const spec of this.workload.pod.initContainers ?? []) {
      const container = this.#container(spec);
      const code = await container.waitForEnd(ONCE_TIMEOUT_MS);
      if (code !== 0) throw new Error(`${spec.name} of ${this.name} ends with ${code}: ${container.output}`);
    }
  }

  #container(spec: ContainerSpec): Container {
    const translate = this.#translator(spec);
    this.#writeFiles(spec, translate);
    const rendered = this.chart.environmentOf(spec);
    const variables = Object.entries(rendered).map(
      ([name, value]) => [name, translate(expand(value, rendered))] as const,
    );
    const temporary = spec.volumeMounts?.find(({ mountPath }) => mountPath === "/tmp");
    const env: Record<string, string> = {
      ...(temporary === undefined ? {} : { TMPDIR: this.#folderOf(temporary.name) }),
      ...Object.fromEntries(variables),
    };
    const here: ContainerSpec = {
      ...spec,
      command: (spec.command ?? []).map(translate),
      args: (spec.args ?? []).map(translate),
      volumeMounts: (spec.volumeMounts ?? []).map((mount) => ({
        ...mount,
        mountPath: this.#folderOf(mount.name),
      })),
    };
    return new Container(
      spec,
      this.name,
      imageProgram(here, env, this.workload.pod.securityContext?.runAsUser),
      translate,
      (port) => this.portOf(port),
    );
  }

  #translator({ volumeMounts = [], ports = [] }: ContainerSpec): Translate {
    const folders = volumeMounts
      .map(({ name, mountPath }) => [mountPath, this.#folderOf(name)] as const)
      .sort(([one], [other]) => other.length - one.length);
    const isPath = new RegExp(
      `(?<![\\w/.-])(${folders.map(([path]) => path.replace(/[.]/g, "\\.")).join("|")})(?![\\w.-])`,
      "g",
    );
    const own = new Set(ports.map(({ containerPort }) => containerPort));
    return (text) => {
      let here = text;
      for (const [name, address] of this.services()) here = here.replaceAll(name, address);
      if (here !== text) return here;
      if (folders.length > 0)
        here = here.replace(isPath, (path) => folders.find(([each]) => each === path)![1]);
      here = here.replace(/^0\.0\.0\.0$/, "127.0.0.1").replace(/^(bind) \* -::\*$/m, "$1 127.0.0.1");
      here = here.replace(/^(port )(\d+)$/m, (_, word: string, port: string) => word + this.#portFor(port));
      here = here.replace(/^:(\d+)$/, (_, port: string) => `127.0.0.1:${this.#portFor(port)}`);
      here = here.replace(
        /\b(127\.0\.0\.1:)(\d+)/g,
        (_, host: string, port: string) => host + this.#portFor(port),
      );
      return /^\d+$/.test(here) && own.has(Number(here)) ? this.#portFor(here) : here;
    };
  }

  #portFor(rendered: string): string {
    return String(this.#ports.get(Number(rendered)) ?? rendered);
  }

  #folderOf(volume: string): string {
    const known = this.#folders.get(volume);
    if (known !== undefined) return known;
    const folder = join(this.folder, volume);
    mkdirSync(folder);
    const { runAsUser: user, fsGroup: group } = this.workload.pod.securityContext ?? {};
    if (user !== undefined && group !== undefined) chownSync(folder, user, group);
    this.#folders.set(volume, folder);
    return folder;
  }

  /** Writes the files of mounted ConfigMaps. */
  #writeFiles({ volumeMounts = [] }: ContainerSpec, translate: Translate): void {
    for (const { name } of volumeMounts) {
      const volume = this.workload.pod.volumes?.find((each) => each.name === name);
      if (volume?.configMap === undefined) continue;
      const { data = {} } = this.chart.get("ConfigMap", volume.configMap.name);
      const items = volume.configMap.items as readonly Item[] | undefined;
      for (const { key, path } of items ?? Object.keys(data).map((key) => ({ key, path: key }))) {
        const file = join(this.#folderOf(name), path);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, translate(data[key]!));
      }
    }
  }
}

interface Item {
  readonly key: string;
  readonly path: string;
}

/** Expands references to other variables of the container, like the kubelet. */
function expand(value: string, variables: Readonly<Record<string, string>>): string {
  return value.replace(/\$\((\w+)\)/g, (all, name: string) => variables[name] ?? all);
}

/** The wanted port if it is free; otherwise any free one. */
async function portLike(wanted: number): Promise<number> {
  const port = !taken.has(wanted) && (await isFree(wanted)) ? wanted : await freePort();
  taken.add(port);
  return port;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
