import { randomUUID } from "node:crypto";
import redisBroker from "celery-node/dist/kombu/brokers/redis.js";
import type { Redis } from "ioredis";
import { BrokerKeys, type KeyOptions, matchesPattern } from "./broker-keys.js";
import {
  type Claim,
  type ClaimAnswer,
  type ClaimedMessage,
  type ReadItem,
  type RejectedItem,
  readClaim,
} from "./claimed-message.js";
import { type ConnectionOptions, parseConnection, socketTimeoutMs } from "./connection.js";
import { encodeMessage } from "./message.js";
import { closeConnection, outliveConnections } from "./outlive-connections.js";
import { readEnvelope, UnreadableMessage } from "./read-envelope.js";
import { ACKNOWLEDGE } from "./scripts/acknowledge.js";
import { CLAIM } from "./scripts/claim.js";
import { MOVE_UNACKED } from "./scripts/move-unacked.js";
import { runScript, runScriptForBytes } from "./scripts/run-script.js";
import { SEND_ONCE } from "./scripts/send-once.js";
import { readUnacked, type UnackedEntry } from "./unacked-entry.js";
import { type UnackedMessage, WorkerRegistry } from "./worker-registry.js";

/** How the broker's messages are kept; the defaults are Celery's. */
export interface BrokerOptions extends ConnectionOptions, KeyOptions {
  /**
   * Seconds after which an unacknowledged message returns to its queue; default 3,600. Must be the same for all workers
   * of a cluster. Our workers renew the messages they hold; Python's do not.
   */
  readonly visibilityTimeoutSeconds?: number;
  /**
   * Seconds without a heartbeat after which one of our workers is considered dead and its messages are restored;
   * default 15. Must be the same for all workers of a cluster.
   */
  readonly workerLifetimeSeconds?: number;
  /** The maximum bytes of a message, and of its decompressed body; default 67,108,864. */
  readonly maxMessageBytes?: number;
}

/** How long a message that is sent again after a lost connection is recognized. */
const SENT_RECORD_SECONDS = 60;
/** How long a claim that is sent again after a lost connection is recognized. */
const CLAIM_RECORD_SECONDS = 300;
/** The longest that a connection waits for a message. */
const MAX_BLOCK_SECONDS = 10;
const DEFAULT_MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/**
 * Queues in Redis, in kombu's format. Extends celery-node's broker but replaces its transport, which loses messages and
 * stops at the first one that it cannot read: messages are claimed, leased, and acknowledged or put back.
 */
export class CeleryBroker extends redisBroker.default {
  readonly keys: BrokerKeys;
  readonly visibilityTimeoutSeconds: number;
  readonly registry: WorkerRegistry;
  /** Milliseconds after which a connection whose server does not answer is closed and reopened. */
  readonly deadlineMs: number;
  readonly maxMessageBytes: number;
  /** Called with each rejected item before it is moved; if this fails, the item stays where it is. */
  onReject: (item: RejectedItem) => Promise<void> = async () => {};
  #announced = new Set<string>();
  #ping: Promise<string> | undefined;
  #claimCount = 0;
  readonly #claimRecord: string;

  /** @throws TypeError if the address is invalid */
  constructor(address: string, options: BrokerOptions = {}) {
    const connection = parseConnection(address, options);
    // celery-node passes both parameters on to ioredis, which accepts options in place of a URL.
    super(connection.options as unknown as string, {});
    const isSentinel = connection.options.sentinels !== undefined;
    this.keys = new BrokerKeys(options, connection.database, isSentinel);
    this.#claimRecord = `${this.keys.unacked}_claim:${randomUUID()}`;
    this.visibilityTimeoutSeconds = options.visibilityTimeoutSeconds ?? 3600;
    this.registry = new WorkerRegistry(this, options.workerLifetimeSeconds ?? 15);
    this.deadlineMs = socketTimeoutMs(options);
    outliveConnections(this.redis, this.deadlineMs);
    this.maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES;
  }

  /** Opens another connection to the same server, for blocking commands and subscriptions. */
  connect(): Redis {
    return outliveConnections(this.redis.duplicate(), this.deadlineMs);
  }

  /** Resolves once the server answers on the connection that claims; celery-node's gives up at the first error. */
  override async isReady(): Promise<void> {
    // One ping at a time: a server that is down for hours must not find thousands of them.
    this.#ping ??= this.redis.ping().finally(() => {
      this.#ping = undefined;
    });
    await this.#ping;
  }

  /** Closes the connection; celery-node's version waits for consumers that never stop. */
  override async disconnect(): Promise<string> {
    this.closing = true;
    closeConnection(this.redis);
    return "OK";
  }

  /**
   * Sends a message to the queue that `routingKey` names or, if an exchange is given, to the queues bound to it.
   *
   * @returns the number of queues it went to; 0 if the exchange has no binding for the key
   */
  override async publish(
    body: object,
    exchange: string,
    routingKey: string,
    headers: object,
    properties: object,
  ): Promise<number> {
    const given = properties as Readonly<Record<string, unknown>>;
    const priority = typeof given["priority"] === "number" ? given["priority"] : 0;
    const tag = randomUUID();
    const message = encodeMessage(
      headers as Record<string, unknown>,
      {
        ...given,
        delivery_mode: 2,
        delivery_info: { exchange, routing_key: routingKey },
        priority,
        delivery_tag: tag,
      },
      body,
    );
    const queues = exchange === "" ? [routingKey] : await this.#boundQueues(exchange, routingKey);
    if (exchange === "") await this.#announce(routingKey);
    // After a lost connection the driver sends the command again, even if the server has executed it; hence SEND_ONCE.
    for (const queue of queues) {
      const keys = [this.keys.sentOnce(`${tag}.${queue}`), this.keys.queue(queue, priority)];
      await runScript(this.redis, SEND_ONCE, 2, ...keys, message, SENT_RECORD_SECONDS);
    }
    return queues.length;
  }

  /** The list that a message goes to, for scripts that send it along with something else. */
  async listFor(queue: string, priority: number): Promise<string> {
    await this.#announce(queue);
    return this.keys.queue(queue, priority);
  }

  /** Makes a direct queue known to other workers, as kombu does when it declares one. */
  async #announce(queue: string): Promise<void> {
    if (this.#announced.has(queue)) return;
    await this.redis.sadd(this.keys.bindings(queue), this.keys.binding(queue, "", queue));
    this.#announced.add(queue);
  }

  async #boundQueues(exchange: string, routingKey: string): Promise<string[]> {
    const members = await this.redis.smembers(this.keys.bindings(exchange));
    return members
      .map((member) => this.keys.parseBinding(member))
      .filter(
        ([key, pattern]) => key === routingKey || (pattern !== "" && matchesPattern(pattern, routingKey)),
      )
      .map(([, , queue]) => queue);
  }

  /**
   * Claims the next message of the queues. Messages of the first priority precede all others; within a priority, the
   * order of `queues` counts, which the caller rotates so that no queue starves.
   */
  async claim(queues: readonly string[]): Promise<ClaimedMessage | undefined> {
    const found = await this.#claim(queues);
    if (found === undefined || found.tag !== "") return found;
    const { queue, raw, digest } = found;
    let item: ReadItem = { digest };
    try {
      if (raw === undefined) throw new Error(this.tooLarge(found.byteLength));
      const { delivery_tag: tag, delivery_info: info } = readEnvelope(raw).properties;
      const { exchange, routing_key: key } = info;
      item = { digest, tag, exchange, routingKey: exchange === "" && key === "" ? queue : key };
    } catch (error) {
      const { message: reason } = error as Error;
      const { taskId, taskName } = error instanceof UnreadableMessage ? error : found;
      await this.onReject({ queue, reason, taskId, taskName });
    }
    const claimed = await this.#claim(queues, item);
    return claimed?.tag === "" ? undefined : claimed;
  }

  /** The reason for rejecting a message with too many bytes. */
  tooLarge(byteLength: number): string {
    return `The message has ${byteLength} bytes, and this worker accepts ${this.maxMessageBytes} at most.`;
  }

  /** @param item how to handle an item that an earlier call returned without a tag */
  async #claim(queues: readonly string[], item?: ReadItem): Promise<Claim | undefined> {
    const lists = this.keys.prioritySteps.flatMap((step) =>
      queues.map((queue) => ({ queue, list: this.keys.queue(queue, step) })),
    );
    const names = lists.flatMap(({ queue, list }) => [list, this.keys.rejected(queue)]);
    const { unacked, unackedIndex } = this.keys;
    const keys = [unacked, unackedIndex, this.registry.heldKey, ...names, this.#claimRecord];
    const read = item && [item.digest, item.tag ?? "", item.exchange ?? "", item.routingKey ?? ""];
    const found = (await runScriptForBytes(
      this.redis,
      CLAIM,
      keys.length,
      ...keys,
      ++this.#claimCount,
      CLAIM_RECORD_SECONDS,
      this.maxMessageBytes,
      ...(read ?? []),
    )) as ClaimAnswer | null;
    if (found === null) return undefined;
    return readClaim(
      found,
      lists.map(({ queue }) => queue),
    );
  }

  /** Removes the record by which {@link claim} recognizes a claim that is sent again; called after the last claim. */
  async endClaims(): Promise<void> {
    await this.redis.del(this.#claimRecord);
  }

  /** Whether a message of any priority is waiting in one of the queues. */
  async hasMessage(queues: readonly string[]): Promise<boolean> {
    const lists = queues.flatMap((queue) => this.keys.queueLists(queue));
    return (await this.redis.exists(...lists)) > 0;
  }

  /**
   * Waits for a message in a list and leaves it there, so that a crash in between loses nothing. Waits for less time
   * than a connection may be silent.
   *
   * @returns whether the list has a message
   * @throws ReplyError if the server does not know BLMOVE (Redis < 6.2) or does not allow it
   */
  async waitForMessage(connection: Redis, list: string): Promise<boolean> {
    const seconds = Math.min(MAX_BLOCK_SECONDS, this.deadlineMs / 1500);
    const message = await connection.send_command("BLMOVE", list, list, "RIGHT", "RIGHT", String(seconds));
    return message !== null;
  }

  /** Removes a finished message, unless another worker has taken it over. @returns whether it was ours */
  async acknowledge(tag: string): Promise<boolean> {
    const { unacked, unackedIndex } = this.keys;
    return (
      (await runScript(this.redis, ACKNOWLEDGE, 3, unacked, unackedIndex, this.registry.heldKey, tag)) === 1
    );
  }

  /**
   * Puts a message of this worker back, marked as redelivered: at the `front`, to be claimed next, or at the `back`,
   * behind all others.
   *
   * @returns whether this worker still held it
   */
  async putBack(tag: string, end: "front" | "back" = "front"): Promise<boolean> {
    const { unacked, unackedIndex } = this.keys;
    const { heldKey } = this.registry;
    const answers = await this.redis
      .multi()
      .hgetBuffer(unacked, tag)
      .zscore(unackedIndex, tag)
      .hget(heldKey, tag)
      .exec();
    const [entry, score, held] = answers.map(([, value]) => value) as [Buffer?, string?, string?];
    if (!entry || !score || score !== held) return false;
    return this.moveToQueue({ tag, score, entry }, heldKey, end);
  }

  /**
   * Puts a message back, marked as redelivered, unless it was claimed, renewed or acknowledged since it was read.
   *
   * @param heldKey the key of its owner's held messages
   */
  async moveToQueue(
    { tag, score, entry }: UnackedMessage,
    heldKey: string,
    end: "front" | "back" = "front",
  ): Promise<boolean> {
    const move = async (list: string, message: string | Buffer) => {
      const keys = [this.keys.unacked, this.keys.unackedIndex, list, heldKey];
      return (await runScript(this.redis, MOVE_UNACKED, 4, ...keys, tag, entry, score, message, end)) === 1;
    };
    let held: UnackedEntry;
    try {
      held = readUnacked(entry);
    } catch (error) {
      // Python's workers cannot read it either, and each of their sweeps would stop at it.
      const { taskId, taskName } = error as UnreadableMessage;
      const reason = "A message that a worker held cannot be read.";
      await this.onReject({ queue: "unacked", reason, taskId, taskName });
      await move(this.keys.rejected("unacked"), entry);
      return false;
    }
    const { exchange, routingKey, priority } = held;
    const [queue = routingKey] = exchange === "" ? [] : await this.#boundQueues(exchange, routingKey);
    return move(this.keys.queue(queue, priority), held.redelivered());
  }
}
