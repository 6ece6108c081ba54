import { dumps } from "./python-json.js";
import type { TaskFailure } from "./task-errors.js";

/** A task to run later, as Celery encodes it in messages: a task, or a chain, group or chord of tasks. */
export interface Signature {
  readonly task: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** `chain`, `group` or `chord`; null for a task. */
  readonly subtask_type?: string | null;
  /** Ignores the results of preceding tasks. */
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
  /** Hard and soft time limits. */
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

/** What follows a task. `chain` is reversed: its last item is next. */
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
  /** Why the task cannot run, if the headers or the body are invalid; invalid values are left out. */
  readonly problem?: TaskFailure;
}

/**
 * Encodes a message as an item of a queue. Lone surrogates in headers are replaced, because Redis' cjson, with which
 * workers inspect messages, cannot read them. The body is in base64 and keeps them.
 *
 * @throws EncodeError
 */
export function encodeMessage(
  headers: Readonly<Record<string, unknown>>,
  properties: Readonly<Record<string, unknown>>,
  body: unknown,
): string {
  const envelope = {
    body: Buffer.from(dumps(body)).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers,
    properties: { ...properties, body_encoding: "base64" },
  };
  return dumps(envelope, { wellFormed: true });
}
