import {
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  DisconnectsClientError,
  ErrorReply,
  RootNodesUnavailableError,
  SocketClosedUnexpectedlyError,
  SocketTimeoutError,
  TimeoutError,
} from "redis";
import { ServiceError } from "../../linkage/errors.js";
import type { RunCache, TaskProgress } from "../../linkage/run-cache.js";
import { isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";
import type { RedisConnection } from "./connection.js";

export interface RedisRunCacheOptions {
  /** How long Redis keeps what it knows of a run after its last task, in seconds. */
  readonly expirySeconds: number;
  /** Retries where the server cannot be reached. */
  readonly retry?: RetryOptions | undefined;
}

/**
 * Adds a task's progress to its run, once: the ids of the tasks that were counted are in a set beside the run's hash.
 * Both expire together, so that the set outlives every redelivery that the run itself outlives.
 */
const COUNT_ONCE = `
if redis.call('HGET', KEYS[1], 'state') ~= 'active' then
  return false
end
if redis.call('SADD', KEYS[2], ARGV[1]) == 1 then
  redis.call('HINCRBY', KEYS[1], 'comparisons', ARGV[2])
  redis.call('HINCRBY', KEYS[1], 'candidates', ARGV[3])
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return redis.call('HGET', KEYS[1], 'candidates') or '0'`;

/** What the server says while it starts, or is no longer the master. */
const TRANSIENT_REPLIES = /^(LOADING|READONLY|MASTERDOWN|TRYAGAIN|BUSY) /;
const CONNECTION_ERRORS = [
  ClientClosedError,
  ClientOfflineError,
  ConnectionTimeoutError,
  DisconnectsClientError,
  RootNodesUnavailableError,
  SocketClosedUnexpectedlyError,
  SocketTimeoutError,
  TimeoutError,
];

/** The hash of a run in Redis, which Python workers share. */
export class RedisRunCache implements Pick<RunCache, "isActive" | "countProgress"> {
  readonly #redis: RedisConnection;
  readonly #options: RedisRunCacheOptions;

  constructor(redis: RedisConnection, options: RedisRunCacheOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  async isActive(runId: string): Promise<boolean> {
    return (await this.#try(() => this.#redis.hGet(hashOf(runId), "state"))) === "active";
  }

  async countProgress(
    runId: string,
    taskId: string,
    { comparisons, candidates }: TaskProgress,
  ): Promise<number | undefined> {
    const { expirySeconds } = this.#options;
    const total = await this.#try(() =>
      this.#redis.eval(COUNT_ONCE, {
        keys: [hashOf(runId), `${hashOf(runId)}:counted-tasks`],
        arguments: [taskId, String(comparisons), String(candidates), String(expirySeconds)],
      }),
    );
    if (total === null) return undefined;
    const count = Number(total);
    if (Number.isSafeInteger(count)) return count;
    throw new ServiceError("store-failed", "candidates of a run", "a whole number", "another value");
  }

  #try<T>(action: () => Promise<T>): Promise<T> {
    return withRetries(action, isTransient, this.#options.retry);
  }
}

function hashOf(runId: string): string {
  return `run:${runId}`;
}

function isTransient(error: unknown): boolean {
  if (error instanceof ErrorReply) return TRANSIENT_REPLIES.test(error.message);
  return isNetworkError(error) || CONNECTION_ERRORS.some((kind) => error instanceof kind);
}
