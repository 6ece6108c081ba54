import { randomUUID } from "node:crypto";
import type { CeleryBroker } from "../broker.js";
import { encodeMessage } from "../message.js";
import { loads } from "../python-json.js";
import type { LamportClock } from "./clock.js";

/** The exchange for commands to workers. */
export const PIDBOX = "celery.pidbox";

/** Longer messages are not read; 50,000 revoked ids take less. */
const MAX_MESSAGE_LENGTH = 16 * 2 ** 20;

/** Seconds after which a reply that was not fetched is dropped, so that crashed clients leave nothing behind. */
const REPLY_EXPIRES_SECONDS = 60;

/** Where the sender of a command waits for replies. */
export interface ReplyAddress {
  readonly exchange: string;
  readonly routingKey: string;
  /** Identifies the command that a reply is for. */
  readonly ticket: unknown;
}

/** A command to workers. */
export interface ControlMessage {
  /** The same in all copies of a message that was published on several channels. */
  readonly deliveryTag: unknown;
  readonly method: string;
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Names of nodes; empty for all. */
  readonly destination: readonly unknown[];
  /** With `matcher`, selects the nodes that the command is for. */
  readonly pattern: unknown;
  readonly matcher: unknown;
  readonly replyTo: ReplyAddress | undefined;
  /** The sender's logical time. */
  readonly clock: unknown;
}

/** Reads a message of the pidbox channel; `undefined` if it is not a command in JSON. */
export function decodeControlMessage(raw: string): ControlMessage | undefined {
  if (raw.length > MAX_MESSAGE_LENGTH) return undefined;
  try {
    const envelope = loads(raw) as Record<string, unknown>;
    const contentType = envelope["content-type"];
    if (contentType !== "application/json" && contentType !== undefined && contentType !== null)
      return undefined;
    return readCommand(envelope);
  } catch {
    return undefined;
  }
}

/** A node's reply to a command. */
export interface ControlReply {
  readonly ticket: unknown;
  /** The node's logical time. */
  readonly clock: unknown;
  readonly byNode: Readonly<Record<string, unknown>>;
}

/** Reads an item of a reply queue; `undefined` if it is not a reply in JSON. */
export function decodeReply(raw: string): ControlReply | undefined {
  if (raw.length > MAX_MESSAGE_LENGTH) return undefined;
  try {
    const envelope = loads(raw) as Record<string, unknown>;
    const { ticket, clock } = recordOf(envelope["headers"]);
    return { ticket, clock, byNode: bodyOf(envelope) };
  } catch {
    return undefined;
  }
}

function bodyOf(envelope: Record<string, unknown>): Readonly<Record<string, unknown>> {
  const { body } = envelope;
  if (typeof body !== "string") return recordOf(body);
  const isBase64 = recordOf(envelope["properties"])["body_encoding"] === "base64";
  return recordOf(loads(isBase64 ? Buffer.from(body, "base64").toString("utf8") : body));
}

function readCommand(envelope: Readonly<Record<string, unknown>>): ControlMessage | undefined {
  const body = bodyOf(envelope);
  const { method, destination, pattern, matcher, ticket } = body;
  if (typeof method !== "string") return undefined;
  const { exchange, routing_key: routingKey } = recordOf(body["reply_to"]);
  return {
    deliveryTag: recordOf(envelope["properties"])["delivery_tag"],
    method,
    arguments: recordOf(body["arguments"]),
    destination: Array.isArray(destination)
      ? destination
      : typeof destination === "string"
        ? [destination]
        : [],
    pattern,
    matcher,
    replyTo:
      typeof exchange === "string" && typeof routingKey === "string"
        ? { exchange, routingKey, ticket: ticket ?? null }
        : undefined,
    clock: recordOf(envelope["headers"])["clock"],
  };
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

/**
 * Sends a node's reply to where the sender of a command waits. A sender that no longer waits has no binding, and the
 * reply is dropped.
 *
 * @returns the number of queues it went to
 */
export async function sendReply(
  broker: CeleryBroker,
  clock: LamportClock,
  { exchange, routingKey, ticket }: ReplyAddress,
  node: string,
  reply: unknown,
): Promise<number> {
  const { redis, keys } = broker;
  const members = await redis.smembers(keys.bindings(exchange));
  const queues = members
    .map((member) => keys.parseBinding(member))
    .filter(([key, , queue]) => key === routingKey && queue !== "")
    .map(([, , queue]) => keys.queue(queue));
  if (queues.length === 0) return 0;
  const properties = {
    delivery_mode: 1,
    delivery_info: { exchange, routing_key: routingKey },
    priority: 0,
    delivery_tag: randomUUID(),
  };
  const message = encodeMessage({ ticket, clock: clock.forward() }, properties, { [node]: reply });
  for (const list of queues) {
    await redis.multi().lpush(list, message).expire(list, REPLY_EXPIRES_SECONDS).exec();
  }
  return queues.length;
}
