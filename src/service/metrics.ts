import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Database } from "../linkage/database.js";
import type { RunState } from "../linkage/run.js";
import type { TaskQueue } from "../linkage/task-queue.js";

/** Maximum age of figures from the stores, so that scrapes by several Prometheus servers query them once. */
const STORE_FIGURES_MS = 5000;

export interface MetricsStores {
  readonly database: Pick<Database, "countRuns" | "countProjects" | "measureRuns">;
  readonly tasks: Pick<TaskQueue, "depth">;
}

/** The service's metrics, for Prometheus. No label contains an id. */
export class ServiceMetrics {
  readonly registry = new Registry();
  readonly #requests: Counter<"call" | "status">;
  readonly #requestSeconds: Histogram<"call">;
  readonly #uploads: Counter<"outcome">;
  readonly #rows: Counter;
  readonly #uploadBytes: Counter;

  constructor(stores: MetricsStores) {
    const registers = [this.registry];
    // Memory, processor time, event loop delay.
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: "anonlink_requests_total",
      help: "Requests, by call and status",
      labelNames: ["call", "status"],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: "anonlink_request_seconds",
      help: "Seconds from a request's headers to the end of its answer",
      labelNames: ["call"],
      buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 1800],
      registers,
    });
    this.#uploads = new Counter({
      name: "anonlink_uploads_total",
      help: "Uploads, by how they ended",
      labelNames: ["outcome"],
      registers,
    });
    this.#rows = new Counter({
      name: "anonlink_upload_rows_total",
      help: "Encodings received in uploads that were accepted",
      registers,
    });
    this.#uploadBytes = new Counter({
      name: "anonlink_upload_bytes_total",
      help: "Bytes of bodies of uploads, after decompression",
      registers,
    });
    this.#addStoreFigures(stores);
  }

  /** @param call the call's name, or `none` for an unknown path */
  requestDone(call: string, status: number, seconds: number): void {
    this.#requests.inc({ call, status });
    this.#requestSeconds.observe({ call }, seconds);
  }

  uploadDone(outcome: "accepted" | "refused", rows: number): void {
    this.#uploads.inc({ outcome });
    this.#rows.inc(rows);
  }

  uploadBytes(byteLength: number): void {
    this.#uploadBytes.inc(byteLength);
  }

  /** Figures from the stores; absent while the stores are unreachable. */
  #addStoreFigures({ database, tasks }: MetricsStores): void {
    const figures = kept(STORE_FIGURES_MS, () =>
      Promise.all([database.countRuns(), database.countProjects(), database.measureRuns()]),
    );
    const registers = [this.registry];
    new Gauge({
      name: "anonlink_runs",
      help: "Runs that there are, by state",
      labelNames: ["state"],
      registers,
      async collect() {
        this.reset();
        const runs: Partial<Record<RunState, number>> = (await figures())?.[0] ?? {};
        for (const [state, count] of Object.entries(runs)) this.set({ state }, count);
      },
    });
    new Gauge({
      name: "anonlink_projects",
      help: "The number of projects",
      registers,
      async collect() {
        const found = await figures();
        if (found === undefined) this.remove();
        else this.set(found[1]);
      },
    });
    new Gauge({
      name: "anonlink_comparisons",
      help: "Comparisons of all completed runs that there are",
      registers,
      async collect() {
        const found = await figures();
        if (found === undefined) this.remove();
        else this.set(found[2].comparisons);
      },
    });
    new Gauge({
      name: "anonlink_queue_depth",
      help: "Tasks that wait for a worker",
      registers,
      async collect() {
        const depth = await tasks.depth().catch(() => undefined);
        if (depth === undefined) this.remove();
        else this.set(depth);
      },
    });
  }
}

/** Caches figures for `ms` milliseconds; `undefined` if they are unavailable. */
function kept<T>(ms: number, ask: () => Promise<T>): () => Promise<T | undefined> {
  let answer: Promise<T | undefined> | undefined;
  let until = 0;
  return () => {
    if (answer === undefined || performance.now() >= until) {
      answer = ask().catch(() => undefined);
      until = performance.now() + ms;
    }
    return answer;
  };
}
