import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** A worker's metrics, for Prometheus. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #tasks: Counter<"task" | "outcome">;
  readonly #rejected: Counter<"queue">;
  readonly #pairs: Counter;
  readonly #seconds: Histogram<"task">;

  /** @param isReady whether tasks are currently taken */
  constructor(isReady: () => boolean) {
    const registers = [this.registry];
    // Memory, processor time, event loop delay.
    collectDefaultMetrics({ register: this.registry });
    this.#tasks = new Counter({
      name: "anonlink_tasks_total",
      help: "Tasks done, by name and by how they ended",
      labelNames: ["task", "outcome"],
      registers,
    });
    this.#rejected = new Counter({
      name: "anonlink_messages_rejected_total",
      help: "Messages that could not be read or were malformed, by queue",
      labelNames: ["queue"],
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

  messageRejected(queue: string): void {
    this.#rejected.inc({ queue });
  }

  /** @param name the full name, as in the queue; labels use its last part */
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
