import type { ControlledWorker, RequestInfo } from "../../../src/celery/worker/controlled-worker.js";

/** The description of a task that a worker holds. */
export function request(id: string, more: Partial<RequestInfo> = {}): RequestInfo {
  return {
    id,
    name: "sums.add",
    args: [1, "two"],
    kwargs: { three: null },
    hostname: "node@host",
    timeStart: null,
    acknowledged: false,
    deliveryInfo: { exchange: "", routing_key: "celery", priority: 0, redelivered: false },
    workerPid: null,
    ...more,
  };
}

/** A worker that notes the commands it gets; it knows the task `sums.add`. */
export class FakeWorker implements ControlledWorker {
  readonly hostname = "node@host";
  readonly told: unknown[][] = [];

  active = () => [request("running", { timeStart: 1.5, workerPid: 7, stamps: { batch: ["b1", "b2"] } })];
  reserved = () => [request("waiting")];
  scheduled = () => [{ eta: new Date(1_000_000_000_123), request: request("later") }];
  registered = () => ["sums.sub", "celery.chord", "sums.add"];
  queues = () => ["celery", "fast"];
  revokedIds = () => ["forgotten"];
  mergeRevoked = (...args: unknown[]) => this.#note("mergeRevoked", args);
  totals = () => ({ "sums.add": 3 });
  pool = () => ({ maxConcurrency: 2, processes: [7, 8] });
  prefetchCount = () => 8;
  uptimeSeconds = () => 12.6;
  settings = () => ({ broker_url: "redis://:secret@host/0", result_expires: 60, redis_password: "secret" });
  brokerInfo = () => ({ hostname: "host", transport: "redis" });
  revoke = (...args: unknown[]) => this.#note("revoke", args);
  revokeByStampedHeaders = (...args: unknown[]) => this.#note("revokeByStampedHeaders", args);
  addConsumer = (...args: unknown[]) => this.#note("addConsumer", args);
  cancelConsumer = (...args: unknown[]) => this.#note("cancelConsumer", args);
  resizePool = (...args: unknown[]) => this.#note("resizePool", args);
  shutdown = (...args: unknown[]) => this.#note("shutdown", args);

  setRateLimit(task: string, perSecond: number): void {
    if (task !== "sums.add") throw new RangeError("no such task");
    this.#note("setRateLimit", [task, perSecond]);
  }

  setTimeLimits(task: string, hard: number | null, soft: number | null): void {
    if (task !== "sums.add") throw new RangeError("no such task");
    this.#note("setTimeLimits", [task, hard, soft]);
  }

  #note(name: string, args: unknown[]): void {
    this.told.push([name, ...args]);
  }
}
