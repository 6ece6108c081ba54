import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { matches } from "../chart/manifests.js";
import { NAMESPACE } from "../chart/rendered-chart.js";
import { freePort } from "../servers/free-port.js";
import { StartedProcess } from "../started-process.js";
import type { Release } from "./release.js";

const START_TIMEOUT_MS = 180_000;
/** Replaces the rendered interval, which is for clusters. */
const INTERVAL = "1s";

export interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly health: string;
  readonly lastError: string;
  readonly scrapeUrl: string;
}

interface Endpoint {
  readonly port: string;
  readonly path: string;
}

/** Debian's Prometheus, configured from the chart's ServiceMonitors and PrometheusRules, as by the operator. */
export class Prometheus {
  readonly #process: StartedProcess;

  private constructor(
    private readonly port: number,
    private readonly folder: string,
  ) {
    this.#process = new StartedProcess("prometheus", "prometheus", [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ]);
  }

  static async start(release: Release): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "prometheus-"));
    const rules = release.chart.of("PrometheusRule").map(({ metadata, spec }) => {
      const file = join(folder, `${metadata.name}.yml`);
      writeFileSync(file, stringify(spec));
      return file;
    });
    const config = {
      global: { scrape_interval: INTERVAL, evaluation_interval: INTERVAL },
      rule_files: rules,
      scrape_configs: scrapesOf(release),
    };
    writeFileSync(join(folder, "prometheus.yml"), stringify(config));
    const prometheus = new Prometheus(await freePort(), folder);
    await prometheus.#process.whenPrinted(/Server is ready to receive web requests/, START_TIMEOUT_MS);
    return prometheus;
  }

  async ask<Data>(path: string): Promise<Data> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/v1/${path}`);
    const { data } = (await response.json()) as { data: Data };
    return data;
  }

  /** Evaluates an expression; returns its series with their values. */
  async query(expression: string): Promise<{ metric: Record<string, string>; value: number }[]> {
    const { result } = await this.ask<{
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>(`query?query=${encodeURIComponent(expression)}`);
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  async remove(): Promise<void> {
    await this.#process.killGroup();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A scrape job per endpoint of a ServiceMonitor: the pods of the selected Services, with the operator's labels. */
function scrapesOf(release: Release): object[] {
  const { chart } = release;
  return chart.of("ServiceMonitor").flatMap(({ metadata, spec }) =>
    (spec.endpoints as Endpoint[]).map(({ port, path }, index) => {
      const services = chart
        .of("Service")
        .filter(({ metadata: { labels = {} } }) => matches(spec.selector.matchLabels, labels));
      const static_configs = services.flatMap((service) => {
        const ports = service.spec.ports as { name: string; targetPort: string }[];
        const target = ports.find(({ name }) => name === port)?.targetPort;
        if (target === undefined) return [];
        return release.podsOf(service).map((pod) => ({
          targets: [`127.0.0.1:${pod.portOf(target)}`],
          labels: {
            ...{ namespace: NAMESPACE, job: service.metadata.name, service: service.metadata.name },
            ...{ pod: pod.name, endpoint: port },
          },
        }));
      });
      return {
        job_name: `serviceMonitor/${NAMESPACE}/${metadata.name}/${index}`,
        metrics_path: path,
        static_configs,
      };
    }),
  );
}
