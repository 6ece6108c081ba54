import pg from "pg";
import type { Manifest } from "../chart/manifests.js";
import { matches } from "../chart/manifests.js";
import { FULL_NAME, type RenderedChart } from "../chart/rendered-chart.js";
import { type PostgresServer, startPostgres } from "../servers/postgres.js";
import { Pod } from "./pod.js";

interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly targetPort: string;
}

/** All that the chart installs, as processes on this machine. PostgreSQL is Debian's, with the rendered password. */
export class Release {
  readonly #pods: Pod[] = [];
  #postgres: PostgresServer | undefined;
  #count = 0;

  constructor(public chart: RenderedChart) {}

  /** Starts the stores, runs the job that provisions the object store, then starts one pod of each Deployment. */
  async install(): Promise<void> {
    await Promise.all([this.#startPostgres(), this.start("redis"), this.start("minio")]);
    const { code, output } = await this.run("provision");
    if (code !== 0) throw new Error(`the provision job ends with ${code}: ${output}`);
    const deployments = this.chart.workloads.filter(({ kind }) => kind === "Deployment");
    // One after the other, so that the first pod with a given port gets it as rendered.
    for (const { name } of deployments) await this.start(name.slice(FULL_NAME.length + 1));
  }

  /** Starts another pod of a part such as `api`. From then on, it belongs to its Services. */
  async start(part: string): Promise<Pod> {
    const name = `${FULL_NAME}-${part}-${this.#count++}`;
    const pod = await Pod.start(this.chart, this.chart.workload(part), name, () => this.#services());
    this.#pods.push(pod);
    return pod;
  }

  /** Runs a pod or job that ends by itself. */
  run(part: string, timeoutMs?: number): ReturnType<typeof Pod.run> {
    const name = `${FULL_NAME}-${part}-${this.#count++}`;
    return Pod.run(this.chart, this.chart.workload(part), name, () => this.#services(), timeoutMs);
  }

  /** Removes a pod from its Services, and stops it like the kubelet. */
  async end(pod: Pod): ReturnType<Pod["end"]> {
    this.#pods.splice(this.#pods.indexOf(pod), 1);
    return pod.end();
  }

  /** The newest pod of a part. */
  pod(part: string): Pod {
    const found = this.pods(part).at(-1);
    if (found === undefined) throw new Error(`expected a pod of ${part}, got none`);
    return found;
  }

  pods(part: string): readonly Pod[] {
    return this.#pods.filter(({ workload }) => workload.name === `${FULL_NAME}-${part}`);
  }

  /** The pods that a Service selects. */
  podsOf({ spec }: Manifest): readonly Pod[] {
    return this.#pods.filter(({ workload }) => matches(spec.selector, workload.labels));
  }

  /** The address of a Service's port, such as `127.0.0.1:8851`. */
  address(service: string, port: number): string {
    const found = this.#services().get(`${FULL_NAME}-${service}:${port}`);
    if (found === undefined) throw new Error(`expected somebody at ${service}:${port}, got nobody`);
    return found;
  }

  /** Kills all processes and removes their files. */
  async remove(): Promise<void> {
    await Promise.all(this.#pods.map((pod) => pod.kill()));
    await this.#postgres?.remove();
  }

  /** The addresses of the newest pod of each Service, by the Service's `name:port`. */
  #services(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const service of this.chart.of("Service")) {
      const pod = this.podsOf(service).at(-1);
      for (const { port, targetPort } of (service.spec.ports ?? []) as ServicePort[]) {
        if (pod !== undefined)
          found.set(`${service.metadata.name}:${port}`, `127.0.0.1:${pod.portOf(targetPort)}`);
      }
    }
    if (this.#postgres !== undefined)
      found.set(`${FULL_NAME}-postgresql:5432`, `127.0.0.1:${this.#postgres.port}`);
    return found;
  }

  async #startPostgres(): Promise<void> {
    this.#postgres = await startPostgres();
    const [container] = this.chart.workload("postgresql").containers;
    const { POSTGRES_PASSWORD = "", POSTGRES_USER = "" } = this.chart.environmentOf(container!);
    const client = new pg.Client(this.#postgres.connection());
    await client.connect();
    const [user, password] = [pg.escapeIdentifier(POSTGRES_USER), pg.escapeLiteral(POSTGRES_PASSWORD)];
    await client.query(`ALTER USER ${user} PASSWORD ${password}`);
    await client.end();
  }
}
