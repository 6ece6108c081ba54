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
import type { CachedRunState, RunCache, TaskProgress } from "../../linkage/run-cache.js";
import { isNetworkError, type RetryOptions, withRetries } from "../with-retries.js";
import type { RedisConnection } from "./connection.js";

export interface RedisRunCacheOptions {
  /** How long Redis keeps a run's data after the run's last task, in seconds. */
  readonly expirySeconds: number;
  /** Retries when the server is unreachable or not ready. */
  readonly retry?: RetryOptions;
}

/**
 * Adds a task's progress to its run, once: a set beside the run's hash holds the ids of the tasks already counted. Both
 * keys expire together, so that no redelivery is counted twice while the run is known.
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

/**
 * Sets a run's state and renews its expiry. A deleted run stays deleted, a complete one does not become active again,
 * and an unknown one does not become complete.
 */
const SET_STATE = `
local state = redis.call('HGET', KEYS[1], 'state')
if not state and ARGV[1] == 'complete' then
  return 0
end
if state ~= 'deleted' and not (state == 'complete' and ARGV[1] == 'active') then
  redis.call('HSET', KEYS[1], 'state', ARGV[1])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1`;

/** Keeps the first caller's value, if the run is known. */
const SETTLE_PACKAGE_SIZE = `
if redis.call('EXISTS', KEYS[1]) == 0 then
  return ARGV[1]
end
redis.call('HSETNX', KEYS[1], 'package_size', ARGV[1])
return redis.call('HGET', KEYS[1], 'package_size')`;

/** Replies of a server that is starting, busy or no longer the master. */
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

/** A run's hash in Redis, shared with Python workers; and leases of uploads, each under its own key. */
export class RedisRunCache implements RunCache {
  readonly #redis: RedisConnection;
  readonly #options: RedisRunCacheOptions;

  constructor(redis: RedisConnection, options: RedisRunCacheOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  async isActive(runId: string): Promise<boolean> {
    return (await this.#stateOf(runId)) === "active";
  }

  async runState(runId: string): Promise<CachedRunState | undefined> {
    const state = await this.#stateOf(runId);
    if (state === null || state === undefined) return undefined;
    if (state === "active" || state === "complete" || state === "deleted") return state;
    throw new ServiceError("store-failed", "The state of a run in Redis is not active, complete or deleted.");
  }

  async setRunState(runId: string, state: CachedRunState): Promise<void> {
    await this.#eval(SET_STATE, runId, [state, String(this.#options.expirySeconds)]);
  }

  async countProgress(
    runId: string,
    taskId: string,
    { comparisons, candidates }: TaskProgress,
  ): Promise<number | undefined> {
    const { expirySeconds } = this.#options;
    const values = [taskId, String(comparisons), String(candidates), String(expirySeconds)];
    const total = await this.#eval(COUNT_ONCE, runId, values);
    return total === null ? undefined : toCount("candidates of a run", total);
  }

  async progressOf(runId: string): Promise<TaskProgress | undefined> {
    const fields = ["state", "comparisons", "candidates"];
    const [state, comparisons, candidates] = await this.#try(() => this.#redis.hmGet(hashOf(runId), fields));
    if (!state && !comparisons && !candidates) return undefined;
    return {
      comparisons: toCount("comparisons of a run", comparisons ?? 0),
      candidates: toCount("candidates of a run", candidates ?? 0),
    };
  }

  async clearProgress(runId: string): Promise<void> {
    await this.#try(() => this.#redis.hDel(hashOf(runId), ["comparisons", "candidates"]));
  }

  async settlePackageSize(runId: string, comparisons: number): Promise<number> {
    return toCount(
      "comparisons of a package",
      await this.#eval(SETTLE_PACKAGE_SIZE, runId, [String(comparisons)]),
    );
  }

  async remove(runId: string): Promise<void> {
    await this.#try(() => this.#redis.del([hashOf(runId), countedTasksOf(runId)]));
  }

  async removeProject(projectId: string): Promise<void> {
    await this.#try(() => this.#redis.del([`project:${projectId}`]));
  }

  async holdUpload(receiptToken: string, seconds: number): Promise<void> {
    await this.#try(() => this.#redis.setEx(leaseOf(receiptToken), seconds, "1"));
  }

  async isUploadHeld(receiptToken: string): Promise<boolean> {
    return (await this.#try(() => this.#redis.exists(leaseOf(receiptToken)))) > 0;
  }

  async releaseUpload(receiptToken: string): Promise<void> {
    await this.#try(() => this.#redis.del([leaseOf(receiptToken)]));
  }

  async check(signal?: AbortSignal): Promise<void> {
    await this.#try(() => this.#redis.exists("run:none"), signal);
  }

  async close(): Promise<void> {
    await this.#redis.close();
  }

  #stateOf(runId: string): Promise<string | null | undefined> {
    return this.#try(() => this.#redis.hGet(hashOf(runId), "state"));
  }

  #eval(script: string, runId: string, values: string[]): Promise<unknown> {
    const keys = [hashOf(runId), countedTasksOf(runId)];
    return this.#try(() => this.#redis.eval(script, { keys, arguments: values }));
  }

  #try<T>(action: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return withRetries(action, isTransient, { ...this.#options.retry, signal });
  }
}

function hashOf(runId: string): string {
  return `run:${runId}`;
}

function countedTasksOf(runId: string): string {
  return `${hashOf(runId)}:counted-tasks`;
}

function leaseOf(receiptToken: string): string {
  return `upload:${receiptToken}`;
}

function toCount(counted: string, value: unknown): number {
  const count = Number(value);
  if (Number.isSafeInteger(count)) return count;
  throw new ServiceError("store-failed", `The number of ${counted} in Redis is not a whole number.`);
}

function isTransient(error: unknown): boolean {
  if (error instanceof ErrorReply) return TRANSIENT_REPLIES.test(error.message);
  return isNetworkError(error) || CONNECTION_ERRORS.some((kind) => error instanceof kind);
}
