import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What a worker counts, for Prometheus. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #tasks: Counter<"task" | "outcome">;
  readonly #pairs: Counter;
  readonly #seconds: Histogram<"task">;

  /** @param isReady whether tasks are taken now */
  constructor(isReady: () => boolean) {
    const registers = [this.registry];
    // Memory, processor time, delay of the event loop.
    collectDefaultMetrics({ register: this.registry });
    this.#tasks = new Counter({
      name: "anonlink_tasks_total",
      help: "Tasks done, by name and by how they ended",
      labelNames: ["task", "outcome"],
      registers,
    });
    this.#pairs = new Counter({
      name: "anonlink_candidate_pairs_total",
      help: "Candidate pairs found and stored",
      registers,
    });
    this.#seconds = new Histogram({
      name: "anonlink_task_seconds",
      help: "Seconds that tasks took, by name",
      labelNames: ["task"],
      buckets: [0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800],
      registers,
    });
    new Gauge({
      name: "anonlink_worker_ready",
      help: "1 while tasks are taken",
      registers,
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
  }

  /** @param name as the queue knows it; the labels have its last part */
  taskDone(
    name: string,
    outcome: "done" | "given up" | "failed",
    seconds: number,
    candidatePairs: number,
  ): void {
    const task = name.slice(name.lastIndexOf(".") + 1);
    this.#tasks.inc({ task, outcome });
    this.#pairs.inc(candidatePairs);
    this.#seconds.observe({ task }, seconds);
  }
}
