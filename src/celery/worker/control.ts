import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { CeleryBroker } from "../broker.js";
import { binding } from "../broker-keys.js";
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

/** How often the subscription is checked, and how long an answer may take before the connection counts as lost. */
const CHECK_MS = 15_000;
/** Replies that the server has not taken yet; further ones are dropped. */
const MOST_REPLIES_UNDER_WAY = 100;
/** How long a control that ends waits for the server to hear of it. */
const FAREWELL_MS = 1000;

/**
 * Hears commands to all workers or to this one, such as those of `celery inspect` and `celery control`, and answers
 * them. Needs its own connection, which comes back by itself; nothing that a client sends ends it.
 */
export class RemoteControl {
  readonly #broker: CeleryBroker;
  readonly #context: CommandContext;
  #subscriber: Redis | undefined;
  #check: NodeJS.Timeout | undefined;
  #isChecking = false;
  #repliesUnderWay = 0;

  constructor(broker: CeleryBroker, worker: ControlledWorker, events: EventSender, clock: LamportClock) {
    this.#broker = broker;
    this.#context = { worker, events, clock };
  }

  /** Resolves once commands are heard, or the control is stopped; waits for a server that is out of reach. */
  async start(): Promise<void> {
    if (this.#subscriber !== undefined) return;
    const subscriber = this.#broker.connect();
    this.#subscriber = subscriber;
    subscriber.on("message", (_, raw: string) => this.receive(raw));
    this.#check = setInterval(() => this.#checkSubscription(subscriber), CHECK_MS).unref();
    try {
      await subscriber.subscribe(...this.#channels);
    } catch (error) {
      if (this.#subscriber === subscriber) throw error;
    }
    this.#announce();
  }

  /** Resolves when no command is heard any more, and the server knows of it or was given a second. */
  async stop(): Promise<void> {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    this.#subscriber = undefined;
    clearInterval(this.#check);
    subscriber.disconnect();
    const { redis, keys } = this.#broker;
    if (redis.status !== "ready") return;
    const removed = redis.srem(keys.bindings(PIDBOX), this.#binding).catch(() => {});
    await Promise.race([removed, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  /** Carries out a message of the channel, if it is one and for this node, and replies where that is asked for. */
  receive(raw: string): void {
    const message = decodeControlMessage(raw);
    if (message === undefined) return;
    const { worker, clock } = this.#context;
    clock.adjust(message.clock);
    if (!isFor(worker.hostname, message)) return;
    const reply = this.#run(message);
    if (reply !== NO_REPLY && message.replyTo !== undefined) void this.#reply(message.replyTo, reply ?? null);
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
    if (this.#repliesUnderWay >= MOST_REPLIES_UNDER_WAY) return;
    this.#repliesUnderWay++;
    try {
      const { worker, clock } = this.#context;
      await sendReply(this.#broker, clock, address, worker.hostname, reply);
    } catch {
      // The client asks again.
    } finally {
      this.#repliesUnderWay--;
    }
  }

  get #channels(): string[] {
    return this.#broker.keys.fanout(PIDBOX);
  }

  get #binding(): string {
    return binding("", "", `${this.#context.worker.hostname}.${PIDBOX}`);
  }

  /** Lets others know of this node's mailbox. */
  #announce(): void {
    const { redis, keys } = this.#broker;
    if (this.#subscriber === undefined || redis.status !== "ready") return;
    redis.sadd(keys.bindings(PIDBOX), this.#binding).catch(() => {});
  }

  /**
   * A connection can be dead without a sign of it, and one that only listens never finds out: so it subscribes again,
   * which changes nothing, and is replaced if the last time was not answered.
   */
  #checkSubscription(subscriber: Redis): void {
    if (subscriber.status !== "ready") return;
    if (this.#isChecking) {
      subscriber.disconnect(true);
      return;
    }
    this.#isChecking = true;
    const done = () => {
      this.#isChecking = false;
    };
    subscriber.subscribe(...this.#channels).then(done, done);
    this.#announce();
  }
}
