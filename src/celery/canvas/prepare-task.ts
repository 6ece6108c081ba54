import type { Embed, Signature } from "../message.js";
import { formatDate, parseDate } from "../python-date.js";
import { isTrueInPython } from "../read-envelope.js";
import type { IdSource } from "./id-source.js";
import type { Place } from "./place.js";

/** A task, ready to be sent. */
export interface TaskToSend {
  readonly task: string;
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed: Embed;
  readonly queue: string | undefined;
  readonly exchange: string | undefined;
  readonly routingKey: string | undefined;
  readonly priority: number;
  readonly eta: string | null;
  readonly expires: string | null;
  readonly timelimit: readonly (number | null)[];
  readonly group: string | null;
  readonly groupIndex: number | null;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly ignoreResult: boolean;
  readonly replyTo: string | undefined;
}

/** Turns the signature of a single task into a task to send. */
export function prepareTask(
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): TaskToSend {
  const options = signature.options as Record<string, unknown>;
  const id = place.taskId ?? textOf(options["task_id"]) ?? ids();
  const chainOf = place.chain ?? (options["chain"] as Signature[] | undefined);
  const limit = (name: string) => (typeof options[name] === "number" ? (options[name] as number) : null);
  return {
    task: signature.task,
    id,
    args: signature.immutable ? signature.args : [...values, ...signature.args],
    kwargs: signature.kwargs,
    embed: {
      callbacks: listOrNull([...signaturesOf(options["link"]), ...(place.link ?? [])]),
      errbacks: listOrNull([...signaturesOf(options["link_error"]), ...(place.linkError ?? [])]),
      chain: listOrNull(chainOf ?? []),
      chord: place.chord ?? (options["chord"] as Signature | undefined) ?? null,
    },
    queue: queueOf(options["queue"]),
    exchange: textOf(options["exchange"]),
    routingKey: textOf(options["routing_key"]),
    priority: (options["priority"] as number | undefined) ?? place.priority ?? 0,
    eta: etaOf(options),
    expires: expiryOf(options["expires"]),
    timelimit: [limit("time_limit"), limit("soft_time_limit")],
    group: place.groupId ?? textOf(options["group_id"]) ?? null,
    groupIndex: place.groupIndex ?? (options["group_index"] as number | undefined) ?? null,
    rootId: place.rootId ?? textOf(options["root_id"]) ?? id,
    parentId: place.parentId ?? textOf(options["parent_id"]) ?? null,
    ignoreResult: isTrueInPython(options["ignore_result"]),
    replyTo: textOf(options["reply_to"]),
  };
}

/** Signatures of an option or argument: none, one or a list. */
export function signaturesOf(value: unknown): Signature[] {
  if (value === null || value === undefined) return [];
  return (Array.isArray(value) ? value : [value]) as Signature[];
}

/** The value if it is a non-empty string. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function queueOf(value: unknown): string | undefined {
  if (typeof value === "object" && value !== null) return textOf((value as { name?: unknown }).name);
  return textOf(value);
}

function listOrNull(list: readonly Signature[]): readonly Signature[] | null {
  return list.length === 0 ? null : list;
}

function etaOf(options: Record<string, unknown>): string | null {
  if (typeof options["countdown"] === "number") {
    return formatDate(new Date(Date.now() + 1000 * options["countdown"]));
  }
  const eta = parseDate(options["eta"]);
  return eta === undefined ? null : formatDate(new Date(eta));
}

function expiryOf(expires: unknown): string | null {
  if (typeof expires === "number") return formatDate(new Date(Date.now() + 1000 * expires));
  const date = parseDate(expires);
  return date === undefined ? null : formatDate(new Date(date));
}
