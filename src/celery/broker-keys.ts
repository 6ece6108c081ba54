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
   */
  constructor(
    readonly prefix: string,
    readonly database: number,
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

  /** The channel of a fanout exchange, such as `celery.pidbox`. */
  fanout(exchange: string): string {
    return `${this.prefix}/${this.database}.${exchange}`;
  }

  /** The channel of an event: its type with dots for dashes is the routing key. */
  event(routingKey: string): string {
    return `${this.prefix}/${this.database}.celeryev/${routingKey}`;
  }
}

/** A member of a binding set. */
export function binding(routingKey: string, pattern: string, queue: string): string {
  return [routingKey, pattern, queue].join(SEPARATOR);
}
