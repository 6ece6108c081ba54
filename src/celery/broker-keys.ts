/** Between a queue's name and the step of a priority, and between the parts of a binding, as kombu has it. */
export const SEPARATOR = "\x06\x16";

/** The steps that priorities fall on; 0 is served first. */
export const PRIORITY_STEPS = [0, 3, 6, 9] as const;

/** Names of keys and channels: a prefix stands before all of them, literally. */
export class BrokerKeys {
  readonly unacked: string;
  readonly unackedIndex: string;
  readonly unackedMutex: string;

  /**
   * @param prefix kombu's `global_keyprefix`
   * @param database the number of the Redis database, which is part of channel names
   * @param isSentinel whether Sentinels lead to the server: kombu < 5.4 then leaves the number out of channel names
   */
  constructor(
    readonly prefix: string,
    readonly database: number,
    private readonly isSentinel = false,
  ) {
    this.unacked = `${prefix}unacked`;
    this.unackedIndex = `${prefix}unacked_index`;
    this.unackedMutex = `${prefix}unacked_mutex`;
  }

  /** The list of a queue for a priority: the largest step not above it; priority 0 has the plain name. */
  queue(name: string, priority = 0): string {
    const step = PRIORITY_STEPS.findLast((each) => each <= priority) ?? 0;
    return `${this.prefix}${name}${step === 0 ? "" : `${SEPARATOR}${step}`}`;
  }

  /** What cannot be read at all. */
  rejected(queue: string): string {
    return `${this.prefix}${queue}.rejected`;
  }

  /** The set of an exchange's bindings. */
  bindings(exchange: string): string {
    return `${this.prefix}_kombu.binding.${exchange}`;
  }

  /** The channels of a fanout exchange, such as `celery.pidbox`: all are listened to. */
  fanout(exchange: string): string[] {
    return this.#channels(exchange);
  }

  /** The channels of an event, which is told on all: its type with dots for dashes is the routing key. */
  event(routingKey: string): string[] {
    return this.#channels(`celeryev/${routingKey}`);
  }

  #channels(name: string): string[] {
    const own = `${this.prefix}/${this.database}.${name}`;
    return this.isSentinel ? [own, `${this.prefix}/{db}.${name}`] : [own];
  }
}

/** A member of a binding set. */
export function binding(routingKey: string, pattern: string, queue: string): string {
  return [routingKey, pattern, queue].join(SEPARATOR);
}
