import { EventEmitter } from "node:events";
import type { CeleryBroker } from "../../../src/celery/broker.js";
import { BrokerKeys } from "../../../src/celery/broker-keys.js";
import { loads } from "../../../src/celery/python-json.js";

/** An envelope and its decoded body. */
export interface Sent {
  /** The channel or list. */
  readonly to: string;
  readonly envelope: Record<string, unknown>;
  readonly body: Record<string, unknown>;
}

/** An in-memory broker with the parts that events and remote control use. */
export class MemoryBroker {
  readonly keys = new BrokerKeys({}, 0);
  readonly published: Sent[] = [];
  readonly pushed: Sent[] = [];
  readonly expiries = new Map<string, number>();
  readonly sets = new Map<string, Set<string>>();
  readonly subscribers: Subscriber[] = [];

  readonly redis = {
    status: "ready",
    publish: async (channel: string, message: string) => {
      this.published.push(read(channel, message));
      return 0;
    },
    smembers: async (key: string) => [...(this.sets.get(key) ?? [])],
    sadd: async (key: string, member: string) => {
      this.sets.set(key, (this.sets.get(key) ?? new Set()).add(member));
    },
    srem: async (key: string, member: string) => {
      this.sets.get(key)?.delete(member);
    },
    multi: () => {
      const steps: (() => void)[] = [];
      const transaction = {
        lpush: (list: string, message: string) => {
          steps.push(() => this.pushed.push(read(list, message)));
          return transaction;
        },
        expire: (list: string, seconds: number) => {
          steps.push(() => this.expiries.set(list, seconds));
          return transaction;
        },
        exec: async () => {
          for (const step of steps) step();
        },
      };
      return transaction;
    },
  };

  connect(): Subscriber {
    const subscriber = new Subscriber();
    this.subscribers.push(subscriber);
    return subscriber;
  }

  /** The same object, typed as a broker. */
  asBroker(): CeleryBroker {
    return this as unknown as CeleryBroker;
  }
}

/** A subscribing connection. */
export class Subscriber extends EventEmitter {
  status = "ready";
  readonly channels: string[] = [];

  async subscribe(channel: string): Promise<void> {
    this.channels.push(channel);
  }

  disconnect(): void {
    this.status = "end";
  }
}

function read(to: string, message: string): Sent {
  const envelope = loads(message) as Record<string, unknown>;
  const body = loads(Buffer.from(envelope["body"] as string, "base64").toString()) as Record<string, unknown>;
  return { to, envelope, body };
}
