import { randomUUID } from "node:crypto";
import { dumps } from "../../src/celery/python-json.js";

/** The parts of a message; a test may set each of them to anything. */
export interface RawMessage {
  readonly headers?: Readonly<Record<string, unknown>>;
  /** args, kwargs and embed; or the raw body as a string. */
  readonly body?: readonly unknown[] | string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly envelope?: Readonly<Record<string, unknown>>;
}

const EMBED = { callbacks: null, errbacks: null, chain: null, chord: null };

/** A queue item as Celery writes it, with the given parts overridden; lone surrogates are kept. */
export function rawMessage(
  task: string,
  queue: string,
  { headers, body = [[], {}, EMBED], properties, envelope }: RawMessage = {},
): { id: string; raw: string } {
  const id = typeof headers?.["id"] === "string" ? headers["id"] : randomUUID();
  const text =
    typeof body === "string" ? body : dumps([body[0] ?? [], body[1] ?? {}, { ...EMBED, ...(body[2] ?? {}) }]);
  const raw = dumps({
    body: Buffer.from(text).toString("base64"),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    headers: {
      lang: "py",
      task,
      id,
      shadow: null,
      eta: null,
      expires: null,
      group: null,
      group_index: null,
      retries: 0,
      timelimit: [null, null],
      root_id: id,
      parent_id: null,
      argsrepr: "()",
      kwargsrepr: "{}",
      origin: "gen1@test",
      ignore_result: false,
      ...headers,
    },
    properties: {
      correlation_id: id,
      reply_to: randomUUID(),
      delivery_mode: 2,
      delivery_info: { exchange: "", routing_key: queue },
      priority: 0,
      body_encoding: "base64",
      delivery_tag: randomUUID(),
      ...properties,
    },
    ...envelope,
  });
  return { id, raw };
}

/** Arrays nested to a depth of `depth`. */
export function nestedArrays(depth: number): unknown[] {
  let value: unknown[] = [];
  for (let n = 1; n < depth; n++) value = [value];
  return value;
}
