import redisBackend from "celery-node/dist/backends/redis.js";
import type { Redis } from "ioredis";
import { type ConnectionOptions, parseConnection, socketTimeoutMs } from "./connection.js";
import { closeConnection, outliveConnections } from "./outlive-connections.js";
import { formatDate } from "./python-date.js";
import { dumps, loads } from "./python-json.js";
import { ADD_CHORD_PART } from "./scripts/add-chord-part.js";
import { FINISH_CHORD } from "./scripts/finish-chord.js";
import { runScript } from "./scripts/run-script.js";
import { STORE_RESULT } from "./scripts/store-result.js";
import { storedFailure, type TaskFailure } from "./task-errors.js";

/** States that a task never leaves. */
export const FINAL_STATES: ReadonlySet<string> = new Set(["SUCCESS", "FAILURE", "REVOKED"]);

/** A result and its members: `[[id, parent], members or null]`. */
export type ResultTree = readonly [readonly [string, ResultTree | null], readonly ResultTree[] | null];

/** How long the task with the last part owns the chord, and how long a finished chord is remembered; as in Celery. */
const CHORD_CLAIM_SECONDS = 10;
const CHORD_DONE_SECONDS = 300;

export interface BackendOptions extends ConnectionOptions {
  /** Seconds to keep results; default 86,400, 0 for no expiry. */
  readonly resultExpiresSeconds?: number;
  /** Prefix of all keys; `_` is appended unless it ends in one of `:_-.`, as in Celery ≥ 5.3. */
  readonly keyPrefix?: string;
}

/** The stored state of a task. */
export interface TaskMeta {
  readonly task_id: string;
  readonly status: string;
  readonly result: unknown;
  readonly traceback: string | null;
  readonly children: readonly unknown[];
  /** ISO date; null until the task is done. */
  readonly date_done: string | null;
  readonly [name: string]: unknown;
}

/** What is stored with a result besides its state and value. */
export interface StoredRequest {
  readonly id: string;
  readonly parentId?: string | null;
  readonly group?: string | null;
  readonly children?: readonly unknown[];
  /** With `result_extended`: name, args, kwargs, worker, retries, queue. */
  readonly extended?: Readonly<Record<string, unknown>>;
}

/** The names of a group's keys. */
export interface GroupKeys {
  readonly group: string;
  readonly parts: string;
  readonly size: string;
  readonly extra: string;
  /** Which parts are counted, and which task finishes the chord: Celery ≥ 5.7. */
  readonly counted: string;
  readonly claim: string;
}

/**
 * Results in Redis, in Python's format. Extends celery-node's backend but replaces its storing, because Python cannot
 * read what that stores.
 */
export class CeleryBackend extends redisBackend.default {
  readonly resultExpiresSeconds: number;
  readonly #prefix: string;
  readonly #deadlineMs: number;

  /** @throws TypeError if the address is invalid */
  constructor(address: string, options: BackendOptions = {}) {
    const connection = parseConnection(address, options);
    super(connection.options as unknown as string, {});
    this.resultExpiresSeconds = options.resultExpiresSeconds ?? 86_400;
    const prefix = options.keyPrefix ?? "";
    this.#prefix = prefix === "" || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`;
    this.#deadlineMs = socketTimeoutMs(options);
    outliveConnections(this.redis, this.#deadlineMs);
  }

  connect(): Redis {
    return outliveConnections(this.redis.duplicate(), this.#deadlineMs);
  }

  override async isReady(): Promise<void> {
    await this.redis.ping();
  }

  override async disconnect(): Promise<string> {
    closeConnection(this.redis);
    return "OK";
  }

  /** The key of a result, which is also the channel that announces it. */
  resultKey(taskId: string): string {
    return `${this.#prefix}celery-task-meta-${taskId}`;
  }

  groupKeys(groupId: string): GroupKeys {
    const group = `${this.#prefix}celery-taskset-meta-${groupId}`;
    return {
      group,
      parts: `${group}.j`,
      size: `${group}.s`,
      extra: `${group}.t`,
      counted: `${group}.d`,
      claim: `${group}.c`,
    };
  }

  override async getTaskMeta(taskId: string): Promise<TaskMeta> {
    const stored = await this.redis.get(this.resultKey(taskId));
    if (stored !== null) return loads(stored) as TaskMeta;
    return {
      task_id: taskId,
      status: "PENDING",
      result: null,
      traceback: null,
      children: [],
      date_done: null,
    };
  }

  /** The stored states of tasks, in the order of `taskIds`; `undefined` for a task without one. */
  async getTaskMetas(taskIds: readonly string[]): Promise<(TaskMeta | undefined)[]> {
    if (taskIds.length === 0) return [];
    const stored = await this.redis.mget(...taskIds.map((id) => this.resultKey(id)));
    return stored.map((text) => (text === null ? undefined : (loads(text) as TaskMeta)));
  }

  async storeSuccess(request: StoredRequest, result: unknown): Promise<boolean> {
    return this.#store(request, "SUCCESS", result, null);
  }

  /** Stores FAILURE, RETRY or REVOKED. */
  async storeFailure(
    request: StoredRequest,
    failure: TaskFailure,
    state: "FAILURE" | "RETRY" | "REVOKED" = "FAILURE",
  ): Promise<boolean> {
    return this.#store(request, state, storedFailure(failure), failure.stack ?? "");
  }

  /** Stores another state, such as STARTED, with its details. */
  async storeState(request: StoredRequest, state: string, meta: unknown): Promise<boolean> {
    return this.#store(request, state, meta, null);
  }

  async #store(
    request: StoredRequest,
    state: string,
    result: unknown,
    traceback: string | null,
  ): Promise<boolean> {
    const text = encodeMeta(request, state, result, traceback);
    const key = this.resultKey(request.id);
    return (await runScript(this.redis, STORE_RESULT, 1, key, text, this.resultExpiresSeconds)) === 1;
  }

  /**
   * Counts a task as a finished part of its chord, only once even if it runs several times.
   *
   * @param value the result, or the failure in its stored form
   * @param owner the id of the task that finishes the chord if all parts are counted; the same task may ask again
   * @returns whether the owner has to finish the chord
   */
  async addChordPart(
    groupId: string,
    groupIndex: number | null | undefined,
    taskId: string,
    state: string,
    value: unknown,
    owner: string,
  ): Promise<boolean> {
    const { parts, size, extra, counted, claim } = this.groupKeys(groupId);
    const score = typeof groupIndex === "number" ? String(groupIndex) : "+inf";
    const isLast = await runScript(
      this.redis,
      ADD_CHORD_PART,
      5,
      ...[parts, size, extra, counted, claim],
      dumps([1, taskId, state, value]),
      score,
      taskId,
      this.resultExpiresSeconds,
      owner,
      CHORD_CLAIM_SECONDS,
    );
    return isLast === 1;
  }

  /**
   * Deletes a chord's keys and, in the same step, pushes a message to a list on the same server; only once.
   *
   * @param owner as in {@link addChordPart}
   */
  async finishChord(
    groupId: string,
    owner: string,
    send?: { readonly list: string; readonly message: string },
  ): Promise<void> {
    const { parts, size, extra, counted, claim } = this.groupKeys(groupId);
    const keys = [parts, size, extra, counted, claim, ...(send === undefined ? [] : [send.list])];
    const values = [owner, CHORD_DONE_SECONDS, ...(send === undefined ? [] : [send.message])];
    await runScript(this.redis, FINISH_CHORD, keys.length, ...keys, ...values);
  }

  /** The parts of a chord, in the order of the group: task id, state, result. */
  async chordParts(groupId: string): Promise<{ taskId: string; state: string; result: unknown }[]> {
    const members = await this.redis.zrange(this.groupKeys(groupId).parts, 0, -1);
    return members.map((member) => {
      const [, taskId, state, result] = loads(member) as [number, string, string, unknown];
      return { taskId, state, result };
    });
  }

  /** Sets the number of a chord's parts; called just before the last one is sent, so that none can finish it early. */
  async setChordSize(groupId: string, size: number): Promise<void> {
    const { size: key, claim } = this.groupKeys(groupId);
    await this.redis.del(claim); // left by an earlier chord with the same id
    if (this.resultExpiresSeconds > 0) await this.redis.setex(key, this.resultExpiresSeconds, String(size));
    else await this.redis.set(key, String(size));
  }

  /** The stored members of a group, nested groups with theirs, as result trees; `undefined` if none are stored. */
  async savedGroup(groupId: string): Promise<readonly ResultTree[] | undefined> {
    const text = await this.redis.get(this.groupKeys(groupId).group);
    if (text === null) return undefined;
    const { result } = loads(text) as { result: ResultTree };
    return result[1] ?? undefined;
  }

  /** Stores a group's members, so that their results can be found by the group's id. */
  async saveGroup(groupId: string, taskIds: readonly string[]): Promise<void> {
    const result = [[groupId, null], taskIds.map((id) => [[id, null], null])];
    const text = dumps({ result });
    const { group } = this.groupKeys(groupId);
    if (this.resultExpiresSeconds > 0) await this.redis.setex(group, this.resultExpiresSeconds, text);
    else await this.redis.set(group, text);
  }
}

function encodeMeta(
  request: StoredRequest,
  state: string,
  result: unknown,
  traceback: string | null,
): string {
  return dumps({
    status: state,
    result: result ?? null, // Python requires the key
    traceback,
    children: request.children ?? [],
    date_done: FINAL_STATES.has(state) ? formatDate(new Date()) : null,
    ...(typeof request.group === "string" ? { group_id: request.group } : {}),
    ...(typeof request.parentId === "string" ? { parent_id: request.parentId } : {}),
    ...request.extended,
    task_id: request.id,
  });
}
