import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { FailureReason, ServiceFigures, ServiceVersions } from "./read-figures.js";

/** The metrics for Prometheus. Figures of the service are exported only while its last response was valid. */
export class ExporterMetrics {
  readonly registry = new Registry();
  readonly #up: Gauge;
  readonly #failures: Counter<"reason">;
  readonly #projects: Gauge;
  readonly #rate: Gauge;
  readonly #info: Gauge<keyof ServiceVersions>;
  readonly #seconds: Gauge;
  #answeredAt: number | undefined;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#up = new Gauge({
      name: "anonlink_service_up",
      help: "1 while the REST API responds correctly, 0 while it does not",
      registers,
    });
    this.#projects = new Gauge({
      name: "anonlink_service_projects",
      help: "The number of projects, as reported by /status",
      registers,
    });
    this.#rate = new Gauge({
      name: "anonlink_service_comparisons_per_second",
      help: "Comparisons per second over all completed runs, as reported by /status; 1 before any run is complete",
      registers,
    });
    this.#info = new Gauge({
      name: "anonlink_service_info",
      help: "1, with the versions reported by /version",
      labelNames: ["anonlink", "entityservice", "python"],
      registers,
    });
    this.#seconds = new Gauge({
      name: "anonlink_service_answer_seconds",
      help: "Seconds that the last good answer took",
      registers,
    });
    this.#failures = new Counter({
      name: "anonlink_service_failures_total",
      help: "Times that the REST API gave no good answer, by reason",
      labelNames: ["reason"],
      registers,
    });
    const reasons: readonly FailureReason[] = ["timeout", "unreachable", "refused", "senseless"];
    for (const reason of reasons) this.#failures.inc({ reason }, 0);
    const age = () => this.#age();
    new Gauge({
      name: "anonlink_service_answer_age_seconds",
      help: "Seconds since the last good answer; absent before the first",
      registers,
      collect() {
        const seconds = age();
        if (seconds === undefined) this.remove();
        else this.set(seconds);
      },
    });
    this.#dropFigures();
  }

  answered({ projectCount, comparisonsPerSecond, versions }: ServiceFigures, seconds: number): void {
    this.#dropFigures(); // a new version starts a new time series
    this.#up.set(1);
    this.#projects.set(projectCount);
    this.#rate.set(comparisonsPerSecond);
    this.#info.set({ ...versions }, 1);
    this.#seconds.set(seconds);
    this.#answeredAt = performance.now();
  }

  failed(reason: FailureReason): void {
    this.#dropFigures();
    this.#failures.inc({ reason });
  }

  #dropFigures(): void {
    this.#up.set(0);
    this.#info.reset();
    for (const gauge of [this.#projects, this.#rate, this.#seconds]) gauge.remove();
  }

  #age(): number | undefined {
    return this.#answeredAt === undefined ? undefined : (performance.now() - this.#answeredAt) / 1000;
  }
}
