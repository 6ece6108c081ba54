import { isUtf8 } from "node:buffer";
import type { MessageProperties } from "./message.js";
import { loads } from "./python-json.js";

/** The kind of problem with a message, named after Python's exception. */
type ProblemType = "DecodeError" | "ContentDisallowed" | "InvalidTaskError";

/** A message that cannot be read, with the reason, and the task's id and name if they can be found. */
export class UnreadableMessage extends Error {
  constructor(
    message: string,
    readonly type: ProblemType,
    readonly taskId: string | undefined,
    readonly taskName: string | undefined,
  ) {
    super(message);
    this.name = type;
  }
}

/** An item of a queue whose body is not decoded yet. */
export interface Envelope {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly properties: MessageProperties;
  readonly contentType: unknown;
  readonly body: unknown;
}

/** How many bytes at either end of an item that is not JSON are searched for its task. */
const SEARCHED_LENGTH = 2 ** 16;

/**
 * Reads an item of a queue: JSON with headers, properties and a body.
 *
 * @throws UnreadableMessage
 */
export function readEnvelope(raw: Buffer): Envelope {
  const envelope = recordOf(parseItem(raw));
  const headers = recordOf(envelope?.["headers"] ?? {});
  const properties = recordOf(envelope?.["properties"]);
  const [taskId, taskName] = [textOf(headers?.["id"]), textOf(headers?.["task"])];
  const fail = (reason: string) => new UnreadableMessage(reason, "DecodeError", taskId, taskName);
  if (envelope === undefined) throw fail("The message is not a JSON object.");
  if (headers === undefined) throw fail("The message has headers that are not a JSON object.");
  const tag = properties?.["delivery_tag"];
  if (!isTag(tag)) throw fail("The message has no properties with a delivery_tag in ASCII.");
  const info = recordOf(properties!["delivery_info"]) ?? {};
  const { priority, ...others } = properties!;
  return {
    headers,
    properties: {
      ...others,
      ...(typeof priority === "number" ? { priority } : {}),
      delivery_tag: tag,
      delivery_info: {
        ...info,
        exchange: typeof info["exchange"] === "string" ? info["exchange"] : "",
        routing_key: typeof info["routing_key"] === "string" ? info["routing_key"] : "",
      },
    },
    contentType: envelope["content-type"],
    body: envelope["body"],
  };
}

/**
 * Parses an item from Redis.
 *
 * @throws UnreadableMessage with the task's id and name, if they can be found in invalid JSON
 */
export function parseItem(raw: Buffer): unknown {
  let problem = "The message is not UTF-8.";
  if (isUtf8(raw)) {
    try {
      return loads(raw.toString("utf8"));
    } catch {
      problem = "The message is not JSON that can be read.";
    }
  }
  throw new UnreadableMessage(problem, "DecodeError", find(raw, "id"), find(raw, "task"));
}

/** The value of a header in invalid JSON, such as a truncated message; a base64 body cannot match. */
function find(raw: Buffer, header: string): string | undefined {
  const pattern = new RegExp(`"${header}" ?: ?"([^"\\\\]{1,255})"`);
  const start = pattern.exec(raw.toString("utf8", 0, SEARCHED_LENGTH));
  const found = start ?? pattern.exec(raw.toString("utf8", Math.max(0, raw.length - SEARCHED_LENGTH)));
  return found?.[1];
}

/** Whether a value can name a message in Redis: printable ASCII without spaces, like kombu's UUIDs. */
export function isTag(value: unknown): value is string {
  return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}

/** The value if it is a JSON object. */
export function recordOf(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Whether Python treats a decoded value as true: NaN is, an empty list or object is not. */
export function isTrueInPython(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  const record = recordOf(value);
  if (record !== undefined) return Object.keys(record).length > 0;
  return Number.isNaN(value) || Boolean(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
