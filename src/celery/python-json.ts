/**
 * JSON as Python's json module writes and reads it: `", "` and `": "` between items, ASCII only, NaN and Infinity, whole
 * numbers of any size. Byte for byte the same text as Python's, where two workers must agree on it (chord parts).
 */

/** A value that kombu ≥ 5.3 marks with its Python type, such as a datetime; kept as it came, so that it goes back so. */
export class TypedValue {
  /**
   * @param type kombu's name: `datetime`, `date`, `time`, `decimal`, `uuid`, `bytes`, `base64`
   * @param value what stands for it in JSON, such as an ISO date
   */
  constructor(
    readonly type: string,
    readonly value: unknown,
  ) {}
}

/** Writes a value as Python's `json.dumps` does; `undefined` members are left out, `undefined` items are null. */
export function dumps(value: unknown): string {
  switch (typeof value) {
    case "string":
      return quote(value);
    case "number":
      return Number.isFinite(value) || Number.isNaN(value)
        ? String(value)
        : value > 0
          ? "Infinity"
          : "-Infinity";
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      return value === null ? "null" : dumpObject(value);
    default:
      return "null";
  }
}

function dumpObject(value: object): string {
  if (Array.isArray(value)) return `[${Array.from(value, dumps).join(", ")}]`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView))
    return dumps(Array.from(value as unknown as ArrayLike<number>));
  if (value instanceof TypedValue) return dumps({ __type__: value.type, __value__: value.value });
  const { toJSON } = value as { toJSON?: () => unknown };
  if (typeof toJSON === "function") return dumps(toJSON.call(value));
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${quote(name)}: ${dumps(member)}`).join(", ")}}`;
}

function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** What `JSON.parse` would refuse or change: NaN, Infinity, and whole numbers beyond 2⁵³. */
const PYTHON_ONLY = /NaN|Infinity|\d{16}/;

/**
 * Reads what Python's `json.loads` reads. Whole numbers beyond 2⁵³ become BigInts, values with a type of kombu's become
 * {@link TypedValue}s.
 *
 * @throws SyntaxError
 */
export function loads(text: string): unknown {
  if (!PYTHON_ONLY.test(text)) {
    return text.includes('"__type__"') ? JSON.parse(text, reviveTyped) : JSON.parse(text);
  }
  // Outside of texts, what is Python's own is marked as a text that no text of the input can be.
  const mark = markFor(text);
  const marked = text.replace(
    /"(?:[^"\\]|\\.)*"|-?Infinity|NaN|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g,
    (token) => (needsMark(token) ? `"${mark}${token}"` : token),
  );
  return JSON.parse(marked, (_, value) => {
    if (typeof value === "string" && value.startsWith(mark)) return unmark(value.slice(mark.length));
    return reviveTyped(_, value);
  });
}

function markFor(text: string): string {
  let mark = "python:";
  while (text.includes(mark)) mark = `${mark}:`;
  return mark;
}

function needsMark(token: string): boolean {
  if (token.startsWith('"')) return false;
  return /^-?(Infinity|NaN)$/.test(token) || (/^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token)));
}

function unmark(token: string): number | bigint {
  return /\d/.test(token) ? BigInt(token) : Number(token);
}

function reviveTyped(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { __type__: type, __value__: content } = value as { __type__?: unknown; __value__?: unknown };
  return typeof type === "string" && "__value__" in value ? new TypedValue(type, content) : value;
}
