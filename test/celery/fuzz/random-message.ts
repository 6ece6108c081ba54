import { randomUUID } from "node:crypto";
import { nestedArrays, type RawMessage, rawMessage } from "../raw-message.js";

/** A random message: mostly well-formed, with odd values wherever a client can put them. */
export interface RandomMessage {
  readonly seed: number;
  /** The kind of message, such as `odd followers`. */
  readonly kind: string;
  readonly id: string;
  readonly raw: string | Buffer;
  /** Whether it is malformed: Celery's worker may exit, or stop taking messages, because of it. */
  readonly isOdd: boolean;
  /** Whether it may set `ignore_result`. */
  readonly mayLackResult: boolean;
}

type Below = (limit: number) => number;
type Fields = Record<string, unknown>;

const HEADERS = [
  "lang task id shadow eta expires group group_index retries root_id parent_id argsrepr kwargsrepr origin",
  "ignore_result stamps stamped_headers replaced_task_nesting",
].flatMap((names) => names.split(" "));
const PROPERTIES = "correlation_id reply_to delivery_mode priority body_encoding delivery_info".split(" ");
const TEXTS = [
  "",
  "a",
  "é",
  "😀",
  "\ud800",
  "a\udfff",
  "\u0000",
  "\u2028",
  "'\"\\",
  "NaN",
  "x".repeat(10_000),
];
const NUMBERS = [0, 1, -1, 1.5, 1e300, -1e-300, 2 ** 53, 10n ** 30n, -(10n ** 300n), Number.NaN, Infinity];

/** The message of a seed; only its id differs each time. */
export function randomMessage(seed: number, below: Below, queue: string): RandomMessage {
  const id = randomUUID();
  const pick = <T>(from: readonly T[]): T => from[below(from.length)]!;
  const value = (depth = 0): unknown => {
    const choice = below(depth > 3 ? 5 : 9);
    if (choice < 2) return pick(TEXTS);
    if (choice < 4) return pick(NUMBERS);
    if (choice === 4) return pick([null, true, false]);
    const size = below(4);
    if (choice < 7) return Array.from({ length: size }, () => value(depth + 1));
    if (choice === 7) return nestedArrays(pick([2, 50, 400]));
    return Object.fromEntries(Array.from({ length: size }, () => [pick(TEXTS), value(depth + 1)]));
  };
  const link = (suffix: string, task = "tasks.echo"): Fields => ({
    task,
    args: [],
    kwargs: {},
    options: { queue, task_id: `${id}-${suffix}` },
    subtask_type: null,
    immutable: false,
  });
  let ignoresResult = false;
  const odd = (fields: Fields, names: readonly string[]) => {
    const changed = { ...fields };
    for (let n = 0; n <= below(2); n++) changed[pick(names)] = value();
    ignoresResult = "ignore_result" in changed;
    return changed;
  };
  const message = (task: string, parts: RawMessage) =>
    rawMessage(task, queue, { ...parts, headers: { id, root_id: id, ...parts.headers } }).raw;
  const echo = [[value()], {}];
  const bytes = (text: string) => Buffer.from(text);

  const kinds: readonly [kind: string, share: number, make: () => string | Buffer, isOdd?: boolean][] = [
    ["values", 30, () => message("tasks.echo", { body: echo })],
    ["failure", 5, () => message("tasks.fail", { body: [[pick(TEXTS)], {}] })],
    ["unknown task", 5, () => message(pick(["tasks.unknown", "", "é😀", "a b"]), { body: echo }), true],
    [
      "arguments",
      10,
      () =>
        message("tasks.echo", {
          body: [pick([[], [1, 2], [value()]]), pick([{}, { value: 1 }, { other: 1 }])],
        }),
    ],
    [
      "followers",
      10,
      () => {
        const task = pick(["tasks.echo", "tasks.fail"]);
        const callbacks = pick([null, [], [link("a")], [link("a"), link("b", "tasks.fail")]]);
        const chain = pick([null, [], [link("c")], [link("d"), link("c")]]);
        return message(task, { body: [["value"], {}, { callbacks, errbacks: null, chain, chord: null }] });
      },
    ],
    [
      "odd followers",
      10,
      () => {
        const where = pick(["callbacks", "errbacks", "chain", "chord"]);
        const links = pick([value(), [value()], [odd(link("e"), ["task", "args", "kwargs", "options"])]]);
        return message(pick(["tasks.echo", "tasks.fail"]), { body: [["value"], {}, { [where]: links }] });
      },
      true,
    ],
    ["headers", 12, () => message("tasks.echo", { body: echo, headers: odd({}, HEADERS) }), true],
    ["properties", 4, () => message("tasks.echo", { body: echo, properties: odd({}, PROPERTIES) }), true],
    [
      "body",
      8,
      () => {
        const text = pick([
          "",
          "{",
          "[]",
          "[[]]",
          "[[],{}]",
          "null",
          "[1,2,3]",
          "[[],[],{}]",
          "\ud800",
          "[[NaN],{},{}]",
        ]);
        return message("tasks.echo", { body: text });
      },
      true,
    ],
    [
      "content",
      3,
      () => {
        const type = pick(["application/x-python-serialize", "application/x-yaml", "text/plain", value()]);
        const encoding = pick(["utf-8", "binary", "utf-16", "none", value()]);
        return message("tasks.echo", {
          body: echo,
          envelope: { "content-type": type, "content-encoding": encoding },
        });
      },
      true,
    ],
    [
      "bytes",
      3,
      () => {
        const raw = bytes(message("tasks.echo", { body: echo }));
        if (below(2) === 0) return raw.subarray(0, below(raw.length));
        for (let n = 0; n <= below(3); n++) raw[below(raw.length)] = below(256);
        return raw;
      },
      true,
    ],
  ];
  let choice = below(kinds.reduce((sum, [, share]) => sum + share, 0));
  const [kind, , make, isOdd = false] = kinds.find(([, share]) => (choice -= share) < 0)!;
  return { seed, kind, id, raw: make(), isOdd, mayLackResult: ignoresResult };
}
