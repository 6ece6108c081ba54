import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { CeleryBroker } from "../broker.js";
import { failureRepr, TaskFailure, toTaskFailure } from "../task-errors.js";
import type { LamportClock } from "./clock.js";
import { type Command, type CommandContext, NO_REPLY, nok } from "./command.js";
import { CONTROL_COMMANDS } from "./control-commands.js";
import type { ControlledWorker } from "./controlled-worker.js";
import { isFor } from "./destination.js";
import type { EventSender } from "./events.js";
import { INSPECT_COMMANDS } from "./inspect-commands.js";
import { type ControlMessage, decodeControlMessage, PIDBOX, type ReplyAddress, sendReply } from "./pidbox.js";
import { REVOKE_COMMANDS } from "./revoke-commands.js";

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ ...INSPECT_COMMANDS, ...REVOKE_COMMANDS, ...CONTROL_COMMANDS }),
);

/** How often this node's mailbox is announced, in case the server has lost its data. */
const ANNOUNCE_MS = 60_000;
/** Replies that the server has not accepted yet; further ones are dropped. */
const MAX_PENDING_REPLIES = 100;
/** Behind Sentinels a command may arrive on two channels; a copy arrives before as many other commands have. */
const MAX_RECENT_TAGS = 100;
/** How long to wait for the server when remote control stops. */
const FAREWELL_MS = 1000;

/**
 * Receives commands to all workers or to this one, such as those of `celery inspect` and `celery control`, and answers
 * them. Needs its own connection, which reconnects by itself; nothing that a client sends stops it.
 */
export class RemoteControl {
  readonly #broker: CeleryBroker;
  readonly #context: CommandContext;
  #subscriber: Redis | undefined;
  #announcing: NodeJS.Timeout | undefined;
  /** Delivery tags of the latest commands, oldest first. */
  readonly #recentTags = new Set<string>();
  #pendingReplies = 0;

  constructor(broker: CeleryBroker, worker: ControlledWorker, events: EventSender, clock: LamportClock) {
    this.#broker = broker;
    this.#context = { worker, events, clock };
  }

  /** Resolves once commands are received, or the control is stopped; waits for a server that is unreachable. */
  async start(): Promise<void> {
    if (this.#subscriber !== undefined) return;
    const subscriber = this.#broker.connect();
    this.#subscriber = subscriber;
    subscriber.on("message", (_, raw: string) => this.receive(raw));
    this.#announcing = setInterval(() => this.#announce(), ANNOUNCE_MS).unref();
    try {
      await subscriber.subscribe(...this.#channels);
    } catch (error) {
      if (this.#subscriber === subscriber) throw error;
    }
    this.#announce();
  }

  /** Resolves when no more commands are received and the server was notified, after a second at the latest. */
  async stop(): Promise<void> {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    this.#subscriber = undefined;
    clearInterval(this.#announcing);
    subscriber.disconnect();
    const { redis, keys } = this.#broker;
    if (redis.status !== "ready") return;
    const removed = redis.srem(keys.bindings(PIDBOX), this.#binding).catch(() => {});
    await Promise.race([removed, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  /** Executes a message of the channel if it is a command for this node, and replies if a reply was requested. */
  receive(raw: string): void {
    const message = decodeControlMessage(raw);
    if (message === undefined) return;
    const { worker, clock } = this.#context;
    clock.adjust(message.clock);
    if (!isFor(worker.hostname, message) || this.#isCopy(message.deliveryTag)) return;
    const reply = this.#run(message);
    if (reply !== NO_REPLY && message.replyTo !== undefined) void this.#reply(message.replyTo, reply ?? null);
  }

  #isCopy(tag: unknown): boolean {
    if (typeof tag !== "string") return false;
    if (this.#recentTags.has(tag)) return true;
    this.#recentTags.add(tag);
    if (this.#recentTags.size > MAX_RECENT_TAGS) {
      const [oldest] = this.#recentTags;
      this.#recentTags.delete(oldest!);
    }
    return false;
  }

  #run({ method, arguments: args }: ControlMessage): unknown {
    try {
      const command = COMMANDS.get(method);
      if (command === undefined) throw new TaskFailure("KeyError", [method]);
      return command(this.#context, args);
    } catch (error) {
      return nok(failureRepr(toTaskFailure(error)));
    }
  }

  async #reply(address: ReplyAddress, reply: unknown): Promise<void> {
    if (this.#pendingReplies >= MAX_PENDING_REPLIES) return;
    this.#pendingReplies++;
    try {
      const { worker, clock } = this.#context;
      await sendReply(this.#broker, clock, address, worker.hostname, reply);
    } catch {
      // The client will ask again.
    } finally {
      this.#pendingReplies--;
    }
  }

  get #channels(): string[] {
    return this.#broker.keys.fanout(PIDBOX);
  }

  get #binding(): string {
    return this.#broker.keys.binding("", "", `${this.#context.worker.hostname}.${PIDBOX}`);
  }

  /** Makes this node's mailbox known to others. */
  #announce(): void {
    const { redis, keys } = this.#broker;
    if (this.#subscriber === undefined || redis.status !== "ready") return;
    redis.sadd(keys.bindings(PIDBOX), this.#binding).catch(() => {});
  }
}
