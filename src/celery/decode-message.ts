import { brotliDecompressSync, inflateSync } from "node:zlib";
import { findSignatureProblem } from "./check-signature.js";
import { cutText } from "./cut-text.js";
import type { Embed, MessageHeaders, MessageProperties, Signature, TaskMessage } from "./message.js";
import { parseDate } from "./python-date.js";
import { loads } from "./python-json.js";
import { type Envelope, isTrueInPython, readEnvelope, recordOf, UnreadableMessage } from "./read-envelope.js";
import { TaskFailure } from "./task-errors.js";

const NO_EMBED: Embed = { callbacks: null, errbacks: null, chain: null, chord: null };

/** kombu's names for the compression of a body. What it calls gzip is zlib. */
const COMPRESSIONS: ReadonlyMap<unknown, "zlib" | "brotli" | "bzip2" | "lzma" | "zstd"> = new Map([
  ["application/x-gzip", "zlib"],
  ["gzip", "zlib"],
  ["zlib", "zlib"],
  ["application/x-brotli", "brotli"],
  ["brotli", "brotli"],
  ["application/x-bz2", "bzip2"],
  ["bzip2", "bzip2"],
  ["bzip", "bzip2"],
  ["application/x-lzma", "lzma"],
  ["lzma", "lzma"],
  ["xz", "lzma"],
  ["application/zstd", "zstd"],
  ["zstd", "zstd"],
  ["zstandard", "zstd"],
]);

/**
 * Decodes an item of a queue: JSON with a base64 body, in protocol 2, or 1 from old clients. If the headers or the body
 * can be read but are invalid, the message's `problem` says why.
 *
 * @param maxBodyBytes the maximum bytes of a decompressed body
 * @throws UnreadableMessage
 */
export function decodeMessage(raw: Buffer, maxBodyBytes: number): TaskMessage {
  const envelope = readEnvelope(raw);
  const { headers, properties } = envelope;
  const isProtocol2 = "task" in headers;
  const body = decodeBody(envelope, maxBodyBytes);
  if (isProtocol2) return checkMessage(headers, properties, body);
  // Protocol 1 keeps the headers in the body.
  const { args, kwargs, taskset, callbacks, errbacks, chord, ...others } = recordOf(body) ?? {};
  const fields = { ...headers, ...others, group: taskset, root_id: others["id"], parent_id: null };
  return checkMessage(fields, properties, [args ?? [], kwargs ?? {}, { callbacks, errbacks, chord }]);
}

function decodeBody(envelope: Envelope, maxBodyBytes: number): unknown {
  const { headers, properties, contentType, body } = envelope;
  const [taskId, taskName] = [textOf(headers["id"]), textOf(headers["task"])];
  const fail = (reason: string, type: UnreadableMessage["type"] = "DecodeError") =>
    new UnreadableMessage(reason, type, taskId, taskName);
  if (contentType !== "application/json") {
    const shown = typeof contentType === "string" ? cutText(contentType, 80) : "none";
    throw fail(
      `The body has the content type ${shown}; only application/json is accepted.`,
      "ContentDisallowed",
    );
  }
  if (typeof body !== "string") throw fail("The body is not a string.");
  const packed = Buffer.from(body, properties["body_encoding"] === "base64" ? "base64" : "utf8");
  const { compression } = headers;
  let bytes = packed;
  if (compression) {
    const method = COMPRESSIONS.get(compression);
    if (method !== "zlib" && method !== "brotli") {
      throw fail(
        `The body is compressed with ${method ?? "a method that is unknown here"}; send it with zlib, gzip, brotli or uncompressed.`,
      );
    }
    try {
      const unpack = method === "zlib" ? inflateSync : brotliDecompressSync;
      bytes = unpack(packed, { maxOutputLength: maxBodyBytes });
    } catch (error) {
      throw fail(
        (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
          ? `The body takes more than ${maxBodyBytes} bytes when it is decompressed.`
          : `The body is not what ${method} compresses to.`,
      );
    }
  }
  try {
    return loads(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    throw fail("The body is not JSON that can be read.");
  }
}

/** Checks the types of all fields that matter. Invalid values are left out, and the first one becomes the `problem`. */
function checkMessage(
  headers: Readonly<Record<string, unknown>>,
  properties: MessageProperties,
  body: unknown,
): TaskMessage {
  const [taskId, taskName] = [textOf(headers["id"]), textOf(headers["task"])];
  if (taskId === undefined || taskName === undefined) {
    const missing = taskId === undefined ? "an id" : "the name of a task";
    throw new UnreadableMessage(
      `The message has no header with ${missing}.`,
      "InvalidTaskError",
      taskId,
      taskName,
    );
  }
  let problem: string | undefined;
  /** Returns the value if it is valid; otherwise notes the problem and returns `instead`. */
  const check = <T>(isRight: boolean, value: unknown, instead: T, sentence: string): T => {
    if (isRight) return (value ?? instead) as T;
    problem ??= sentence;
    return instead;
  };
  const isNullOr = (name: string, type: string) =>
    headers[name] === undefined || headers[name] === null || typeof headers[name] === type;
  const header = <T>(name: string, type: string, instead: T): T =>
    check(isNullOr(name, type), headers[name], instead, `The header ${name} is not a ${type}.`);
  const date = (name: string) =>
    check(isDate(headers[name]), headers[name], null, `The header ${name} is not a date.`);

  const checkedHeaders: MessageHeaders = {
    ...headers,
    task: taskName,
    id: taskId,
    retries: header("retries", "number", 0),
    eta: date("eta"),
    expires: date("expires"),
    timelimit: check(
      isTimeLimit(headers["timelimit"]),
      headers["timelimit"],
      null,
      "The header timelimit is not a list of two numbers.",
    ),
    group: header("group", "string", null),
    group_index: header("group_index", "number", null),
    root_id: header("root_id", "string", taskId),
    parent_id: header("parent_id", "string", null),
    // Without it, the task's own setting applies.
    ...(typeof headers["ignore_result"] === "boolean" || (headers["ignore_result"] ?? null) === null
      ? {}
      : { ignore_result: isTrueInPython(headers["ignore_result"]) }),
  };
  const [args, kwargs, embed] = Array.isArray(body) ? body : [];
  const checkedArgs = check(Array.isArray(args), args, [], "The body is not a list [args, kwargs, embed].");
  const checkedKwargs = check(
    kwargs === undefined || kwargs === null || recordOf(kwargs) !== undefined,
    kwargs,
    {},
    "The keyword arguments are not an object.",
  );
  const given = recordOf(embed ?? {});
  if (given === undefined) problem ??= "The embedded signatures are not an object.";
  const signatures = (name: keyof Embed) => {
    const value = given?.[name] ?? null;
    const wrong = findSignatureProblem(value, name, name !== "chord");
    problem ??= wrong;
    if (wrong === undefined) return value;
    return name === "chain" && Array.isArray(value) ? value.flatMap(toFail) : null;
  };
  const checkedEmbed = {
    callbacks: signatures("callbacks"),
    errbacks: signatures("errbacks"),
    chain: signatures("chain"),
    chord: signatures("chord"),
  };
  return {
    headers: checkedHeaders,
    properties,
    args: checkedArgs,
    kwargs: checkedKwargs,
    embed: { ...NO_EMBED, ...(checkedEmbed as Embed) },
    ...(problem === undefined
      ? {}
      : { problem: new TaskFailure("InvalidTaskError", [problem], "celery.exceptions") }),
  };
}

/** A task of a malformed chain, which fails with the others because a caller may wait for it. Empty if it has no id. */
function toFail(value: unknown): Signature[] {
  if (findSignatureProblem([value], "chain", true) === undefined) return [value as Signature];
  const taskId = textOf(recordOf(recordOf(value)?.["options"])?.["task_id"]);
  if (taskId === undefined) return [];
  return [
    {
      task: "unknown",
      args: [],
      kwargs: {},
      options: { task_id: taskId },
      subtask_type: null,
      immutable: false,
    },
  ];
}

/** A stand-in for a task whose message cannot be read, used to record its failure. */
export function unreadableTask(taskId: string, taskName: string | undefined, tag: string): TaskMessage {
  const delivery_info = { exchange: "", routing_key: "" };
  return {
    headers: { id: taskId, task: taskName ?? "unknown" },
    properties: { delivery_tag: tag, delivery_info },
    args: [],
    kwargs: {},
    embed: NO_EMBED,
  };
}

function isDate(value: unknown): boolean {
  return value === undefined || value === null || parseDate(value) !== undefined;
}

function isTimeLimit(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!Array.isArray(value) || (value.length !== 2 && value.length !== 0)) return false;
  return value.every((limit) => limit === null || (typeof limit === "number" && !Number.isNaN(limit)));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
