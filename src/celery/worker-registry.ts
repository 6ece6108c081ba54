import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Redis } from "ioredis";
import type { BrokerKeys } from "./broker-keys.js";
import { BEAT } from "./scripts/beat.js";
import { HELD_BY_DEAD } from "./scripts/held-by-dead.js";
import { LEAVE } from "./scripts/leave.js";
import { RENEW } from "./scripts/renew.js";
import { runScript, runScriptForBytes } from "./scripts/run-script.js";

/** Heartbeats per worker lifetime. */
const BEATS_PER_LIFETIME = 4;
/** About how often, in seconds, kombu's workers look for expired messages, and how many they restore each time. */
const PYTHON_SWEEP_SECONDS = 100;
const MAX_EXPIRED = 10;
/** Messages that one script call reads or renews. */
const BATCH = 500;

/** A message that a worker holds, as it was read. */
export interface UnackedMessage {
  readonly tag: string;
  /** When it was last claimed or renewed: its score in `unacked_index`. */
  readonly score: string;
  /** Its entry in `unacked`. */
  readonly entry: Buffer;
}

/** The broker whose messages workers hold. */
export interface RegistryBroker {
  readonly redis: Redis;
  readonly keys: BrokerKeys;
  readonly visibilityTimeoutSeconds: number;
  /** Puts a message back, unless it was claimed, renewed or acknowledged since it was read. */
  moveToQueue(message: UnackedMessage, heldKey: string): Promise<boolean>;
}

/** The result of a heartbeat. */
export interface Beat {
  /** Whether this worker is new or was considered dead: others may have taken over its messages. */
  readonly isBack: boolean;
  /** The number of messages it holds according to the broker. */
  readonly heldCount: number;
  readonly deadWorkers: readonly string[];
  /** Messages of Python's workers that have expired and were not restored. */
  readonly expired: readonly { readonly tag: string; readonly score: string }[];
}

/**
 * Tracks which workers are alive, and which messages each of them holds. Python's workers do neither, and ignore these
 * keys:
 *
 * - `unacked_workers`: a sorted set of our workers by the server's time at their last heartbeat
 * - `unacked_by.<worker>`: a hash of the delivery tags that the worker holds. The value is the tag's score in
 *   `unacked_index`, which every claim updates. A worker owns a message only while the two are equal, so that it
 *   also loses one that a Python worker restores or claims again under the same tag.
 *
 * The messages of a dead worker are restored after its lifetime. Messages of Python's workers expire after the
 * visibility timeout and are restored by Python's workers; ours restore them if those have not within one more of their
 * periods. Restoring them as soon as they expire would rerun tasks that take longer than the visibility timeout more
 * often than Python alone does.
 */
export class WorkerRegistry {
  /** Names this worker; new at each start. */
  readonly id = `${hostname()}.${process.pid}.${randomUUID()}`;
  readonly #broker: RegistryBroker;
  /** Seconds without a heartbeat after which a worker is considered dead. */
  readonly lifetimeSeconds: number;

  constructor(broker: RegistryBroker, lifetimeSeconds: number) {
    this.#broker = broker;
    this.lifetimeSeconds = lifetimeSeconds;
  }

  get beatMs(): number {
    return (1000 * this.lifetimeSeconds) / BEATS_PER_LIFETIME;
  }

  /** The key of the messages that this worker holds. */
  get heldKey(): string {
    return this.#broker.keys.heldBy(this.id);
  }

  /** Sends this worker's heartbeat, and finds what has to be restored. */
  async beat(): Promise<Beat> {
    const { redis, keys, visibilityTimeoutSeconds } = this.#broker;
    const [isBack, heldCount, deadWorkers, expired] = (await runScript(
      redis,
      BEAT,
      ...[4, keys.workers, this.heldKey, keys.unackedIndex, keys.unackedSwept],
      ...[this.id, this.lifetimeSeconds, (2 * this.beatMs) / 1000],
      ...[visibilityTimeoutSeconds + PYTHON_SWEEP_SECONDS, MAX_EXPIRED, 1000 * PYTHON_SWEEP_SECONDS],
    )) as [number, number, string[], string[]];
    const messages = [];
    for (let n = 0; n < expired.length; n += 2) messages.push({ tag: expired[n]!, score: expired[n + 1]! });
    return { isBack: isBack === 1, heldCount, deadWorkers, expired: messages };
  }

  /** Renews messages of this worker. @returns the tags of those that it no longer holds */
  async renew(tags: readonly string[]): Promise<string[]> {
    const { redis, keys } = this.#broker;
    const lost: string[] = [];
    for (let n = 0; n < tags.length; n += BATCH) {
      const batch = tags.slice(n, n + BATCH);
      lost.push(
        ...((await runScript(redis, RENEW, 2, keys.unackedIndex, this.heldKey, ...batch)) as string[]),
      );
    }
    return lost;
  }

  /** Tags of the messages that this worker holds according to the broker. */
  async heldTags(): Promise<string[]> {
    return this.#broker.redis.hkeys(this.heldKey);
  }

  /** Puts back the messages of a dead worker. @returns the number of messages */
  async restoreHeldBy(worker: string): Promise<number> {
    const { redis, keys } = this.#broker;
    const heldKey = keys.heldBy(worker);
    let restored = 0;
    for (;;) {
      const found = (await runScriptForBytes(
        redis,
        HELD_BY_DEAD,
        ...[4, keys.workers, heldKey, keys.unackedIndex, keys.unacked],
        ...[worker, this.lifetimeSeconds, BATCH],
      )) as Buffer[];
      const messages: UnackedMessage[] = [];
      for (let n = 0; n < found.length; n += 3) {
        const [tag, score, entry] = found.slice(n, n + 3) as [Buffer, Buffer, Buffer];
        messages.push({ tag: tag.toString(), score: score.toString(), entry });
      }
      // The message that was claimed first goes last, so that it is first in the queue again.
      messages.sort((a, b) => Number(b.score) - Number(a.score));
      const before = restored;
      for (const message of messages) if (await this.#moveToQueue(message, heldKey)) restored++;
      if (restored === before) return restored;
    }
  }

  /** Puts back expired messages that have not changed since they were found. @returns how many */
  async restoreExpired(expired: Beat["expired"]): Promise<number> {
    const { redis, keys } = this.#broker;
    let restored = 0;
    for (const { tag, score } of expired) {
      const entry = await redis.hgetBuffer(keys.unacked, tag);
      if (entry === null) await redis.zrem(keys.unackedIndex, tag);
      else if (await this.#moveToQueue({ tag, score, entry }, this.heldKey)) restored++;
    }
    return restored;
  }

  /** A message that cannot be restored must not delay the others. */
  async #moveToQueue(message: UnackedMessage, heldKey: string): Promise<boolean> {
    return this.#broker.moveToQueue(message, heldKey).catch(() => false);
  }

  /** Announces that this worker is stopping. */
  async leave(): Promise<void> {
    const { redis, keys } = this.#broker;
    await runScript(redis, LEAVE, 2, keys.workers, this.heldKey, this.id);
  }
}
