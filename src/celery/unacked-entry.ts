import { dumps } from "./python-json.js";
import { parseItem, recordOf, UnreadableMessage } from "./read-envelope.js";

/** An entry of `unacked`: a message that a worker holds, and where it came from. */
export interface UnackedEntry {
  readonly exchange: string;
  readonly routingKey: string;
  readonly priority: number;
  /** The message as it returns to its queue, marked as redelivered. */
  redelivered(): string;
}

/** @throws UnreadableMessage */
export function readUnacked(entry: Buffer): UnackedEntry {
  const value = parseItem(entry);
  const [message, , routingKey] = Array.isArray(value) ? value : [];
  const fields = recordOf(message);
  if (fields === undefined || typeof routingKey !== "string") {
    throw new UnreadableMessage("The entry is not a message.", "DecodeError", undefined, undefined);
  }
  const properties = recordOf(fields["properties"]) ?? {};
  const info = recordOf(properties["delivery_info"]) ?? {};
  return {
    exchange: typeof info["exchange"] === "string" ? info["exchange"] : "",
    routingKey,
    priority: typeof properties["priority"] === "number" ? properties["priority"] : 0,
    redelivered: () =>
      dumps({
        ...fields,
        headers: { ...recordOf(fields["headers"]), redelivered: true },
        properties: { ...properties, delivery_info: { ...info, redelivered: true } },
      }),
  };
}
