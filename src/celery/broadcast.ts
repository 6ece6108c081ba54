import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";
import type { CeleryBroker } from "./broker.js";
import { encodeMessage } from "./message.js";
import { closeConnection } from "./outlive-connections.js";
import type { LamportClock } from "./worker/clock.js";
import { decodeReply, PIDBOX } from "./worker/pidbox.js";

const REPLY_EXCHANGE = `reply.${PIDBOX}`;

export interface BroadcastOptions {
  /** How long to wait for the broker and for replies, in milliseconds; default 1,000, as in Celery. */
  readonly timeoutMs?: number;
  /** Names of the workers to ask; default: all. */
  readonly destination?: readonly string[];
  /** The logical clock that stamps the command and is adjusted by the replies; default: none. */
  readonly clock?: LamportClock;
}

/**
 * Sends a remote control command, such as `active`, `reserved` or `scheduled`, to the workers of a cluster and collects
 * their replies. Returns once every worker that was asked has replied, or at the timeout.
 *
 * ```js
 * const tasks = await broadcast(app, "active", {}, { timeoutMs: 2000 });
 * for (const [node, running] of tasks) console.log(node, running.length);
 * ```
 *
 * @param args keyword arguments of the command
 * @returns the replies by worker name; a worker that failed replies `{ error }`
 * @throws Error if the broker does not accept the command in time
 */
export async function broadcast(
  app: { readonly broker: CeleryBroker },
  method: string,
  args: Readonly<Record<string, unknown>> = {},
  options: BroadcastOptions = {},
): Promise<Map<string, unknown>> {
  const { broker } = app;
  const { timeoutMs = 1000, destination, clock } = options;
  const replyTo = randomUUID();
  const queue = `${replyTo}.${REPLY_EXCHANGE}`;
  const list = broker.keys.queue(queue);
  const member = broker.keys.binding(replyTo, "", queue);
  const bindings = broker.keys.bindings(REPLY_EXCHANGE);
  const ticket = randomUUID();
  const message = encodeMessage(
    { clock: clock?.forward() ?? 0, expires: (Date.now() + timeoutMs) / 1000 },
    {
      delivery_mode: 2,
      delivery_info: { exchange: PIDBOX, routing_key: "" },
      priority: 0,
      delivery_tag: ticket,
    },
    {
      ...{ method, arguments: args, destination: destination ?? null, pattern: null, matcher: null },
      ...{ ticket, reply_to: { exchange: REPLY_EXCHANGE, routing_key: replyTo } },
    },
  );

  const replies = new Map<string, unknown>();
  const connection = broker.connect();
  let isSent = false;
  const send = async (): Promise<number> => {
    await connection.sadd(bindings, member);
    const channels = broker.keys.fanout(PIDBOX);
    const receivers = await Promise.all(channels.map((channel) => connection.publish(channel, message)));
    isSent = true;
    return receivers.reduce((sum, count) => sum + count, 0);
  };
  const collect = async (): Promise<void> => {
    const receivers = await send();
    const isComplete = () => destination?.length && destination.every((node) => replies.has(node));
    for (let n = 0; n < receivers && !isComplete(); ) {
      const reply = decodeReply(await pop(connection, list));
      if (reply === undefined || reply.ticket !== ticket) continue;
      clock?.adjust(reply.clock);
      for (const [node, value] of Object.entries(reply.byNode)) replies.set(node, value);
      n++;
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  // Without its binding, the sender drops a late reply.
  const removeQueue = () => broker.redis.multi().srem(bindings, member).del(list).exec();
  try {
    await Promise.race([collect(), timeout]);
  } finally {
    clearTimeout(timer);
    closeConnection(connection);
    if (isSent) removeQueue().catch(() => {});
  }
  if (!isSent) throw new Error(`The broker did not accept the command ${method} within ${timeoutMs} ms.`);
  return replies;
}

/** The next item of a list; an empty string if none arrives for a while. */
async function pop(connection: Redis, list: string): Promise<string> {
  return (await connection.brpop(list, 1))?.[1] ?? "";
}
