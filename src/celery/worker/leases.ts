import { setTimeout as delay, setImmediate as processed } from "node:timers/promises";
import type { CeleryBroker } from "../broker.js";
import type { Beat, WorkerRegistry } from "../worker-registry.js";
import type { TaskRequest } from "./task-request.js";
import type { WorkerLog } from "./worker-options.js";

/** How long a stopping worker waits for the server. */
const FAREWELL_MS = 1000;

/** The tasks that a worker holds, as its leases see them. */
export interface LeasedTasks {
  /** Tasks whose messages are not acknowledged. */
  readonly held: readonly TaskRequest[];
  /** Drops tasks that other workers have taken over. */
  lose(requests: readonly TaskRequest[]): void;
}

/**
 * Keeps the messages of a worker its own as long as it is alive. Sends heartbeats, and renews messages because Python's
 * workers restore those that are older than the visibility timeout. Restores the messages of dead workers.
 *
 * A worker that was paused or disconnected for longer than its lifetime has been considered dead. Its first heartbeat
 * after that reports it; the worker then finds out which messages it has lost, and drops their tasks.
 */
export class Leases {
  readonly #broker: CeleryBroker;
  readonly #registry: WorkerRegistry;
  readonly #tasks: LeasedTasks;
  readonly #log: WorkerLog;
  #timers: NodeJS.Timeout[] = [];
  #beating: Promise<Beat> | undefined;
  #isSweeping = false;
  #isStopped = false;
  /** On the clock of `performance.now()`. */
  #lastBeatAt = Number.NEGATIVE_INFINITY;
  /** Consecutive heartbeats at which the broker counted other messages than this worker holds. */
  #differences = 0;
  #strays = new Set<string>();

  constructor(broker: CeleryBroker, tasks: LeasedTasks, log: WorkerLog) {
    this.#broker = broker;
    this.#registry = broker.registry;
    this.#tasks = tasks;
    this.#log = log;
  }

  /** Resolves once other workers know that this one is alive; it must not claim anything before. */
  async start(): Promise<void> {
    await this.#beat();
    if (this.#isStopped) return;
    const renewMs = Math.max(100, (1000 * this.#broker.visibilityTimeoutSeconds) / 3);
    // What fails is retried the next time.
    this.#timers = [
      setInterval(() => void this.#beat().catch(() => {}), this.#registry.beatMs),
      setInterval(() => void this.#renew().catch(() => {}), renewMs),
    ];
  }

  /** Resolves when the server knows that the worker is stopping, after a second at the latest. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    if (this.#broker.redis.status !== "ready") return;
    const left = this.#registry.leave().catch(() => {});
    await Promise.race([left, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  /** Resolves once this worker knows of all messages that others have taken over. */
  async confirm(): Promise<void> {
    if (performance.now() - this.#lastBeatAt > 500 * this.#registry.lifetimeSeconds) await this.#beat();
  }

  async #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce().finally(() => {
      this.#beating = undefined;
    });
    void this.#sweep(await this.#beating).catch(() => {});
  }

  async #beatOnce(): Promise<Beat> {
    const sentAt = performance.now();
    const beat = await this.#registry.beat();
    this.#differences = beat.heldCount === this.#tasks.held.length ? 0 : this.#differences + 1;
    if (beat.isBack || this.#differences > 1) await this.#renew();
    if (this.#differences > 1) await this.#restoreStrays();
    this.#lastBeatAt = sentAt;
    return beat;
  }

  async #renew(): Promise<void> {
    const held = new Map(
      this.#tasks.held.map((request) => [request.tag, { request, claims: request.claims }]),
    );
    const lost = await this.#registry.renew([...held.keys()]);
    await processed(); // acknowledgments that the server answered before
    const requests = lost
      .map((tag) => held.get(tag)!)
      .filter(({ request, claims }) => request.claims === claims);
    if (requests.length === 0) return;
    this.#tasks.lose(requests.map(({ request }) => request));
  }

  /** Restores messages that the worker has claimed without knowing, because the server's answer was lost. */
  async #restoreStrays(): Promise<void> {
    const known = new Set(this.#tasks.held.map(({ tag }) => tag));
    const strays = (await this.#registry.heldTags()).filter((tag) => !known.has(tag));
    // A new one may still be on its way here, or is being acknowledged.
    for (const tag of strays) if (this.#strays.has(tag)) await this.#broker.putBack(tag);
    this.#strays = new Set(strays);
  }

  async #sweep({ deadWorkers, expired }: Beat): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    try {
      for (const worker of deadWorkers) {
        const tasks = await this.#registry.restoreHeldBy(worker);
        if (tasks > 0) this.#log.warn({ deadWorker: worker, tasks }, "tasks of a dead worker restored");
      }
      const tasks = await this.#registry.restoreExpired(expired);
      if (tasks > 0) this.#log.warn({ tasks }, "tasks restored after the visibility timeout");
    } finally {
      this.#isSweeping = false;
    }
  }
}
