/** kombu's default for `sep`. */
export const DEFAULT_SEPARATOR = "\x06\x16";

/** kombu's default for `priority_steps`. */
const DEFAULT_PRIORITY_STEPS: readonly number[] = [0, 3, 6, 9];

/** How a cluster names its keys, as in Celery's `broker_transport_options`; the same for all workers and clients. */
export interface KeyOptions {
  /** Literal prefix of all keys and channels (`global_keyprefix`); default: none. */
  readonly keyPrefix?: string;
  /** The steps that priorities map to (`priority_steps`); the smallest is served first. Default: 0, 3, 6, 9. */
  readonly prioritySteps?: readonly number[];
  /** Separates a queue's name from the step, and the parts of a binding (`sep`); default `\x06\x16`. */
  readonly separator?: string;
}

/** Names of keys and channels, all with the same literal prefix. */
export class BrokerKeys {
  readonly unacked: string;
  readonly unackedIndex: string;
  /** Our workers by last heartbeat; see WorkerRegistry. */
  readonly workers: string;
  /** Exists for a while after one of our workers restored expired messages. */
  readonly unackedSwept: string;
  readonly prefix: string;
  /** In the order in which they are served. */
  readonly prioritySteps: readonly number[];
  readonly separator: string;

  /**
   * @param database the number of the Redis database, which is part of channel names
   * @param isSentinel whether Sentinels provide the server: kombu < 5.4 then omits the number from channel names
   */
  constructor(
    options: KeyOptions,
    readonly database: number,
    private readonly isSentinel = false,
  ) {
    const { keyPrefix: prefix = "", prioritySteps = DEFAULT_PRIORITY_STEPS, separator } = options;
    this.prefix = prefix;
    this.prioritySteps = [...prioritySteps].sort((a, b) => a - b);
    this.separator = separator ?? DEFAULT_SEPARATOR;
    this.unacked = `${prefix}unacked`;
    this.unackedIndex = `${prefix}unacked_index`;
    this.workers = `${prefix}unacked_workers`;
    this.unackedSwept = `${prefix}unacked_swept`;
  }

  /**
   * The list of a queue for a priority: the list of the largest step not above it or, if there is none, of the last
   * step, as in kombu. Step 0 has the plain name.
   */
  queue(name: string, priority = 0): string {
    const step = this.prioritySteps.findLast((each) => each <= priority) ?? this.prioritySteps.at(-1)!;
    return this.prefix + (step === 0 ? name : `${name}${this.separator}${step}`);
  }

  /** All lists of a queue, the most urgent first. */
  queueLists(name: string): string[] {
    return this.prioritySteps.map((step) => this.queue(name, step));
  }

  /** The messages that one of our workers holds. */
  heldBy(worker: string): string {
    return `${this.prefix}unacked_by.${worker}`;
  }

  /** Items that cannot be read at all. */
  rejected(queue: string): string {
    return `${this.prefix}${queue}.rejected`;
  }

  /** Exists once a task that may be sent only once has been sent. */
  sentOnce(taskId: string): string {
    return `${this.prefix}sent-once.${taskId}`;
  }

  /** Exists once a part of a chord has failed and was to be sent again. */
  failedBefore(taskId: string): string {
    return `${this.prefix}failed-before.${taskId}`;
  }

  /** The ledger of a chord: the ids of its parts that were sent, in order. */
  sentParts(groupId: string): string {
    return `${this.prefix}sent-parts.${groupId}`;
  }

  /** Held for a while by the caller that sends a lost task again. */
  sentAgain(taskId: string): string {
    return `${this.prefix}sent-again.${taskId}`;
  }

  /** The set of an exchange's bindings. */
  bindings(exchange: string): string {
    return `${this.prefix}_kombu.binding.${exchange}`;
  }

  /** The channels of a fanout exchange, such as `celery.pidbox`; workers subscribe to all of them. */
  fanout(exchange: string): string[] {
    return this.#channels(exchange);
  }

  /** The channels of an event, which is published on all of them. The routing key is its type with dots for dashes. */
  event(routingKey: string): string[] {
    return this.#channels(`celeryev/${routingKey}`);
  }

  #channels(name: string): string[] {
    const own = `${this.prefix}/${this.database}.${name}`;
    return this.isSentinel ? [own, `${this.prefix}/{db}.${name}`] : [own];
  }

  /** A member of a binding set. */
  binding(routingKey: string, pattern: string, queue: string): string {
    return [routingKey, pattern, queue].join(this.separator);
  }

  /** The parts of a member of a binding set. */
  parseBinding(member: string): [routingKey: string, pattern: string, queue: string] {
    const [routingKey = "", pattern = "", queue = ""] = member.split(this.separator);
    return [routingKey, pattern, queue];
  }
}

/** Whether a routing key matches a topic's pattern, which kombu stores as a regular expression. */
export function matchesPattern(pattern: string, routingKey: string): boolean {
  try {
    return new RegExp(pattern).test(routingKey);
  } catch {
    return false;
  }
}
