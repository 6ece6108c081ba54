import { inflateSync } from "node:zlib";
import { dumps, loads } from "./python-json.js";

/** A task to run later, as Celery puts it into messages: a task, or a chain, group or chord of them. */
export interface Signature {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain`, `group` or `chord`; null for a task. */
  readonly subtask_type?: string | null;
  /** Takes no result of what ran before. */
  readonly immutable?: boolean;
  readonly chord_size?: number | null;
}

/** The headers of a message (protocol 2); unknown ones are kept. Times are ISO dates, limits are seconds. */
export interface MessageHeaders {
  readonly task: string;
  readonly id: string;
  readonly lang?: string;
  readonly eta?: string | null;
  readonly expires?: string | number | null;
  readonly group?: string | null;
  readonly group_index?: number | null;
  readonly retries?: number;
  /** Hard and soft time limit. */
  readonly timelimit?: readonly (number | null)[] | null;
  readonly root_id?: string | null;
  readonly parent_id?: string | null;
  readonly argsrepr?: string;
  readonly kwargsrepr?: string;
  readonly origin?: string;
  readonly ignore_result?: boolean;
  readonly redelivered?: boolean;
  readonly [name: string]: unknown;
}

export interface MessageProperties {
  readonly delivery_tag: string;
  readonly delivery_info: {
    readonly exchange: string;
    readonly routing_key: string;
    readonly redelivered?: boolean;
    readonly priority?: number;
  };
  readonly correlation_id?: string;
  readonly reply_to?: string;
  readonly priority?: number;
  readonly [name: string]: unknown;
}

/** What follows a task. `chain` is reversed: the last one is next. */
export interface Embed {
  readonly callbacks: readonly Signature[] | null;
  readonly errbacks: readonly Signature[] | null;
  readonly chain: readonly Signature[] | null;
  readonly chord: Signature | null;
}

/** A decoded message. */
export interface TaskMessage {
  readonly headers: MessageHeaders;
  readonly properties: MessageProperties;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed: Embed;
}

/** A message that this worker cannot read; says why, and of which task it is where that is known. */
export class UnreadableMessage extends Error {
  constructor(
    message: string,
    readonly taskId: string | undefined,
    readonly taskName: string | undefined,
  ) {
    super(message);
    this.name = "ContentDisallowed";
  }
}

/** The most bytes that a compressed body may unpack to. */
const MAX_BODY_BYTES = 256 * 2 ** 20;

const NO_EMBED: Embed = { callbacks: null, errbacks: null, chain: null, chord: null };

/**
 * Decodes an item of a queue: JSON with a base64 body, protocol 2, or 1 of old clients.
 *
 * @throws UnreadableMessage
 */
export function decodeMessage(raw: string): TaskMessage {
  let headers: Partial<MessageHeaders> = {};
  const fail = (reason: string) => new UnreadableMessage(reason, headers.id, headers.task);
  let envelope: Record<string, unknown>;
  try {
    envelope = loads(raw) as Record<string, unknown>;
    headers = (envelope["headers"] ?? {}) as Partial<MessageHeaders>;
  } catch {
    throw fail("expected a message in JSON");
  }
  const properties = envelope["properties"] as MessageProperties | undefined;
  if (typeof properties?.delivery_tag !== "string") throw fail("expected properties with a delivery_tag");
  if (envelope["content-type"] !== "application/json") {
    throw fail(
      `expected content-type application/json, got ${String(envelope["content-type"]).slice(0, 80)}`,
    );
  }
  let body: unknown;
  try {
    body = loads(bodyText(envelope, headers, properties));
  } catch {
    throw fail("expected a body in JSON, base64 encoded");
  }
  if (typeof headers.task === "string" && typeof headers.id === "string") {
    if (!Array.isArray(body) || !Array.isArray(body[0])) throw fail("expected a body [args, kwargs, embed]");
    return {
      headers: headers as MessageHeaders,
      properties,
      args: body[0],
      kwargs: (body[1] ?? {}) as Record<string, unknown>,
      embed: { ...NO_EMBED, ...(body[2] as Partial<Embed> | null) },
    };
  }
  return decodeProtocol1(body, properties, fail);
}

function bodyText(
  envelope: Record<string, unknown>,
  headers: Partial<MessageHeaders>,
  properties: MessageProperties,
): string {
  const body = envelope["body"] as string;
  let bytes = Buffer.from(body, properties["body_encoding"] === "base64" ? "base64" : "utf8");
  if (headers["compression"] === "application/x-gzip" || headers["compression"] === "zlib") {
    bytes = inflateSync(bytes, { maxOutputLength: MAX_BODY_BYTES }); // kombu's gzip is zlib
  }
  return bytes.toString("utf8");
}

function decodeProtocol1(
  body: unknown,
  properties: MessageProperties,
  fail: (reason: string) => UnreadableMessage,
): TaskMessage {
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw fail("expected a task");
  const { task, id, args, kwargs, retries, eta, expires, timelimit, taskset, callbacks, errbacks, chord } =
    body as Record<string, unknown>;
  if (typeof task !== "string" || typeof id !== "string") throw fail("expected a task with an id");
  return {
    headers: {
      task,
      id,
      retries: typeof retries === "number" ? retries : 0,
      eta: (eta ?? null) as string | null,
      expires: (expires ?? null) as string | null,
      timelimit: (timelimit ?? null) as number[] | null,
      group: (taskset ?? null) as string | null,
      root_id: id,
      parent_id: null,
    },
    properties,
    args: (args ?? []) as unknown[],
    kwargs: (kwargs ?? {}) as Record<string, unknown>,
    embed: {
      callbacks: (callbacks ?? null) as Signature[] | null,
      errbacks: (errbacks ?? null) as Signature[] | null,
      chain: null,
      chord: (chord ?? null) as Signature | null,
    },
  };
}

/** Encodes a message as an item of a queue. */
export function encodeMessage(
  headers: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, unknown>>,
  body: unknown,
): string {
  return dumps({
    body: Buffer.from(dumps(body)).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers,
    properties: { ...properties, body_encoding: "base64" },
  });
}
