import type { Redis } from "ioredis";

/** The driver's timer for its next attempt. */
interface DriverTimer {
  reconnectTimeout: NodeJS.Timeout | null;
}

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 8000;
/** The longest that a connection waits for another one to reach the server. */
const MAX_WAIT_MS = 120_000;
/** A connection that is lost sooner than this after it was ready counts as a failed attempt. */
const STABLE_MS = 5000;
/** The pause between two rounds of queries to the Sentinels, by all connections together. */
const SENTINEL_SPACING_MS = 1000;

/**
 * Coordinates how this process's connections to one server reconnect. While the server is unreachable, one of them
 * retries, with increasing pauses and jitter; the others wait for it and follow at once. Otherwise a worker with ten
 * connections, or a cluster with hundreds of workers, would slow down a server that is starting.
 */
export class Reconnection {
  #attempts = 0;
  #readyAt = 0;
  #nextSentinelRound = 0;
  #scout: Redis | undefined;
  readonly #waiting = new Set<Redis>();

  /** Takes over a connection and replaces its retry strategy. */
  add(redis: Redis): void {
    redis.options.retryStrategy = () => this.#delayOf(redis);
    redis.options.sentinelRetryStrategy = () => this.#sentinelDelay();
    redis.on("ready", () => this.#onReady(redis));
    redis.on("end", () => this.remove(redis));
  }

  /** Milliseconds until a connection that was lost, or could not be opened, retries. */
  #delayOf(redis: Redis): number {
    const now = performance.now();
    this.#scout ??= redis;
    if (this.#scout !== redis) {
      this.#waiting.add(redis);
      return jitter(MAX_WAIT_MS); // in case the other one is stuck
    }
    if (this.#readyAt > 0 && now - this.#readyAt > STABLE_MS) {
      this.#attempts = 0;
      this.#readyAt = 0;
    }
    return jitter(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.#attempts++, 10)));
  }

  #sentinelDelay(): number {
    const now = performance.now();
    this.#nextSentinelRound = Math.max(now, this.#nextSentinelRound) + SENTINEL_SPACING_MS;
    return this.#nextSentinelRound - now;
  }

  #onReady(redis: Redis): void {
    this.#readyAt = performance.now();
    this.#waiting.delete(redis);
    this.#scout = undefined;
    for (const other of this.#waiting) connectNow(other);
    this.#waiting.clear();
  }

  /** Removes a connection that was closed for good. If it was the one that retries, another one takes its place. */
  remove(redis: Redis): void {
    this.#waiting.delete(redis);
    if (this.#scout !== redis) return;
    this.#scout = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#scout = next;
    connectNow(next);
  }
}

const reconnections = new Map<string, Reconnection>();

/** The reconnection of a connection's server, shared by all of this process's connections to it. */
export function reconnectionOf(redis: Redis): Reconnection {
  const { host, port, path, sentinels, name } = redis.options;
  const server = JSON.stringify(sentinels ? [sentinels, name] : [host, port, path]);
  let reconnection = reconnections.get(server);
  if (reconnection === undefined) {
    reconnection = new Reconnection();
    reconnections.set(server, reconnection);
  }
  return reconnection;
}

function connectNow(redis: Redis): void {
  if (redis.status !== "reconnecting") return;
  const driver = redis as unknown as DriverTimer;
  if (driver.reconnectTimeout === null) return;
  clearTimeout(driver.reconnectTimeout);
  driver.reconnectTimeout = null;
  redis.connect().catch(() => {}); // the next attempt follows by itself
}

/** Between half of the delay and all of it, so that processes do not retry in lockstep. */
function jitter(ms: number): number {
  return Math.ceil(ms * (0.5 + Math.random() / 2));
}
