import { randomUUID } from "node:crypto";
import redisBroker from "celery-node/dist/kombu/brokers/redis.js";
import type { Redis } from "ioredis";
import { BrokerKeys, binding, PRIORITY_STEPS, SEPARATOR } from "./broker-keys.js";
import { type ConnectionOptions, parseConnection } from "./connection.js";
import { encodeMessage } from "./message.js";
import { outliveConnections } from "./outlive-connections.js";
import { dumps, loads } from "./python-json.js";
import { CLAIM } from "./scripts/claim.js";
import { MOVE_UNACKED } from "./scripts/move-unacked.js";
import { RELEASE_MUTEX } from "./scripts/release-mutex.js";

/** How a broker's messages are kept; the defaults are Celery's. */
export interface BrokerOptions extends ConnectionOptions {
  /**
   * Seconds after which a message that nobody has acknowledged goes back to its queue; default 3,600. Must be the same in
   * all workers of a cluster. Our workers renew what they hold, Python's do not.
   */
  readonly visibilityTimeoutSeconds?: number | undefined;
  /** Stands before all keys and channels. */
  readonly keyPrefix?: string | undefined;
}

/** A message taken from a queue; it is in `unacked` until it is acknowledged. */
export interface ClaimedMessage {
  readonly queue: string;
  readonly tag: string;
  /** The item of the queue, as it was. */
  readonly raw: string;
}

/**
 * Held for a restore sweep, at most. Shorter than kombu's 300 s: a worker that dies in its sweep must not hold up all
 * others for long, and each message is put back in one step, so that two sweeps at once do no harm.
 */
const MUTEX_MS = 10_000;
/** Messages that one sweep puts back; as many as kombu's. */
const MOST_RESTORED = 10;

/**
 * The queues, on Redis, as kombu keeps them. Builds on celery-node's broker; its transport, which loses messages and
 * ends at the first one that it cannot read, is replaced: messages are claimed, leased, and acknowledged or put back.
 */
export class CeleryBroker extends redisBroker.default {
  readonly keys: BrokerKeys;
  readonly visibilityTimeoutSeconds: number;
  #announced = new Set<string>();

  /** @throws TypeError if the address is none */
  constructor(address: string, options: BrokerOptions = {}) {
    const connection = parseConnection(address, options);
    // celery-node hands both parameters on to ioredis, which takes options in place of a URL.
    super(connection.options as unknown as string, {});
    const isSentinel = connection.options.sentinels !== undefined;
    this.keys = new BrokerKeys(options.keyPrefix ?? "", connection.database, isSentinel);
    this.visibilityTimeoutSeconds = options.visibilityTimeoutSeconds ?? 3600;
    outliveConnections(this.redis);
  }

  /** Another connection to the same server, for what blocks or subscribes. */
  connect(): Redis {
    return outliveConnections(this.redis.duplicate());
  }

  /** Resolves once the server answers; celery-node's gives up at the first error. */
  override async isReady(): Promise<void> {
    await this.redis.ping();
  }

  /** Closes the connection; celery-node's waits for consumers that never end. */
  override async disconnect(): Promise<string> {
    this.closing = true;
    this.redis.disconnect();
    return "OK";
  }

  /**
   * Sends a message: to the queue that `routingKey` names, or by the bindings of an exchange.
   *
   * @returns how many queues it went to; none where an exchange has no binding for the key
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
    const message = encodeMessage(
      headers as Record<string, unknown>,
      {
        ...given,
        delivery_mode: 2,
        delivery_info: { exchange, routing_key: routingKey },
        priority,
        delivery_tag: randomUUID(),
      },
      body,
    );
    const queues = exchange === "" ? [routingKey] : await this.#boundQueues(exchange, routingKey);
    if (exchange === "") await this.#announce(routingKey);
    for (const queue of queues) await this.redis.lpush(this.keys.queue(queue, priority), message);
    return queues.length;
  }

  /** The list that a message goes to, for scripts that send it together with something else. */
  async listFor(queue: string, priority: number): Promise<string> {
    await this.#announce(queue);
    return this.keys.queue(queue, priority);
  }

  /** Lets other workers know of a direct queue, as kombu does when it declares one. */
  async #announce(queue: string): Promise<void> {
    if (this.#announced.has(queue)) return;
    await this.redis.sadd(this.keys.bindings(queue), binding(queue, "", queue));
    this.#announced.add(queue);
  }

  async #boundQueues(exchange: string, routingKey: string): Promise<string[]> {
    const members = await this.redis.smembers(this.keys.bindings(exchange));
    return members
      .map((member) => member.split(SEPARATOR))
      .filter(
        ([key = "", pattern = ""]) => key === routingKey || (pattern !== "" && matches(pattern, routingKey)),
      )
      .map(([, , queue = ""]) => queue);
  }

  /**
   * Takes the next message of the queues: those of the first priority before all others; within one, in the order of
   * `queues`, which the caller turns so that none starves.
   */
  async claim(queues: readonly string[]): Promise<ClaimedMessage | undefined> {
    const lists = PRIORITY_STEPS.flatMap((step) =>
      queues.map((queue) => ({ queue, list: this.keys.queue(queue, step) })),
    );
    const names = lists.flatMap(({ queue, list }) => [list, this.keys.rejected(queue)]);
    const { unacked, unackedIndex } = this.keys;
    const found = (await this.redis.eval(CLAIM, 2 + names.length, unacked, unackedIndex, ...names)) as
      | [number, string, string]
      | null;
    if (found === null) return undefined;
    const [index, tag, raw] = found;
    return { queue: lists[index]!.queue, tag, raw };
  }

  /** Whether the server knows BLMOVE, so that waiting for a message needs no polling. */
  async canWait(): Promise<boolean> {
    const known = (await this.redis.send_command("COMMAND", "INFO", "BLMOVE")) as unknown[];
    return known[0] !== null && known[0] !== undefined;
  }

  /** Waits up to a second for a message in a queue and leaves it there, so that a death in between loses nothing. */
  async waitForMessage(connection: Redis, queue: string): Promise<void> {
    const list = this.keys.queue(queue);
    await connection.send_command("BLMOVE", list, list, "RIGHT", "RIGHT", "1");
  }

  /** The message is done with. */
  async acknowledge(tag: string): Promise<void> {
    const { unacked, unackedIndex } = this.keys;
    await this.redis.multi().zrem(unackedIndex, tag).hdel(unacked, tag).exec();
  }

  /** Says that this worker still has the messages; one that others have put back meanwhile stays theirs. */
  async renew(tags: readonly string[]): Promise<void> {
    if (tags.length === 0) return;
    const [seconds, microseconds] = await this.redis.time();
    const now = `${seconds}.${String(microseconds).padStart(6, "0")}`;
    await this.redis.zadd(this.keys.unackedIndex, "XX", ...tags.flatMap((tag) => [now, tag]));
  }

  /** Puts a message back: at the `front`, as redelivered, where it was begun; at the `back` where it was refused. */
  async putBack(tag: string, end: "front" | "back" = "front"): Promise<boolean> {
    const entry = await this.redis.hget(this.keys.unacked, tag);
    return entry !== null && (await this.#moveToQueue(tag, entry, end));
  }

  /**
   * Puts messages back whose worker has not renewed them for the visibility timeout; one sweep at a time in the cluster.
   *
   * @returns how many
   */
  async restoreExpired(): Promise<number> {
    const { unacked, unackedIndex, unackedMutex } = this.keys;
    const token = randomUUID();
    const isFree = (await this.redis.set(unackedMutex, token, "PX", MUTEX_MS, "NX")) !== null;
    // The command is sent again where the connection was lost before the answer: then the mutex may be ours already.
    if (!isFree && (await this.redis.get(unackedMutex)) !== token) return 0;
    try {
      const latest = Number((await this.redis.time())[0]) - this.visibilityTimeoutSeconds;
      const tags = await this.redis.zrevrangebyscore(unackedIndex, latest, 0, "LIMIT", 0, MOST_RESTORED);
      let restored = 0;
      for (const tag of tags) {
        const entry = await this.redis.hget(unacked, tag);
        if (entry === null) await this.redis.zrem(unackedIndex, tag);
        else if (await this.#moveToQueue(tag, entry, "front")) restored++;
      }
      return restored;
    } finally {
      await this.redis.eval(RELEASE_MUTEX, 1, unackedMutex, token);
    }
  }

  async #moveToQueue(tag: string, entry: string, end: "front" | "back"): Promise<boolean> {
    const [message, , routingKey] = loads(entry) as [Record<string, unknown>, string, string];
    const properties = message["properties"] as Record<string, unknown>;
    const info = properties["delivery_info"] as Record<string, unknown>;
    const redelivered = dumps({
      ...message,
      headers: { ...(message["headers"] as object), redelivered: true },
      properties: { ...properties, delivery_info: { ...info, redelivered: true } },
    });
    const priority = typeof properties["priority"] === "number" ? properties["priority"] : 0;
    const exchange = typeof info["exchange"] === "string" ? info["exchange"] : "";
    const [queue = routingKey] = exchange === "" ? [] : await this.#boundQueues(exchange, routingKey);
    const { unacked, unackedIndex } = this.keys;
    const list = this.keys.queue(queue, priority);
    return (
      (await this.redis.eval(MOVE_UNACKED, 3, unacked, unackedIndex, list, tag, entry, redelivered, end)) ===
      1
    );
  }
}

/** A topic's pattern is kept as a regular expression. */
function matches(pattern: string, routingKey: string): boolean {
  try {
    return new RegExp(pattern).test(routingKey);
  } catch {
    return false;
  }
}
