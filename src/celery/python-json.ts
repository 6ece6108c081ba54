/**
 * JSON as Python's json module writes and reads it: `", "` and `": "` between items, ASCII only, NaN and Infinity,
 * integers of any size. Where two workers must agree on the encoding (chord parts), it is identical to Python's byte
 * for byte.
 */

import { JsonScanner } from "../core/json/json-scanner.js";
import { TypedValue } from "./typed-value.js";
import { ValueBuilder } from "./value-builder.js";

export { TypedValue };

/** The maximum nesting of arrays and objects that is read. Python 3.11 stops at 1,000, and so does cjson. */
export const MAX_READ_DEPTH = 5000;
/** The maximum nesting that is written: a value that was read can be written again inside an envelope. */
const MAX_WRITTEN_DEPTH = 6000;
/** The maximum length of written JSON, in characters: in base64 and an envelope, it must still fit a Redis value. */
const MAX_WRITTEN_LENGTH = 2 ** 28;
/** The most digits that Python converts to an integer. */
export const MAX_DIGITS = 4300;
/** Pieces of output are joined when they reach this length, so that they take no more memory than the whole. */
const CHUNK_LENGTH = 2 ** 16;
/** The maximum number of successive `toJSON` conversions, when each returns another object with a `toJSON`. */
const MAX_CONVERSIONS = 100;

/** Thrown if a value cannot be written as JSON. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
}

/** A value with its JSON, which is written as is. */
export class EncodedJson {
  readonly text: string;

  /** @throws EncodeError as {@link dumps} */
  constructor(
    readonly value: unknown,
    options?: DumpsOptions,
  ) {
    this.text = dumps(value, options);
  }
}

export interface DumpsOptions {
  /** The maximum nesting of arrays and objects; default 6,000. */
  readonly maxDepth?: number;
  /** Replace lone surrogates, which Redis' cjson cannot read; default false. */
  readonly wellFormed?: boolean;
}

/**
 * Writes a value as Python's `json.dumps` does; `undefined` members are omitted, `undefined` items become null.
 *
 * @throws EncodeError
 */
export function dumps(value: unknown, options: DumpsOptions = {}): string {
  try {
    return new Writer(options).write(value);
  } catch (error) {
    if (error instanceof EncodeError) throw error;
    throw new EncodeError("The value cannot be written as JSON: its conversion failed.", { cause: error });
  }
}

/** An array or object that is being written. */
interface Frame {
  /** The keys of an object; undefined for an array. */
  readonly names: readonly string[] | undefined;
  readonly values: ArrayLike<unknown>;
  next: number;
}

/** Uses an explicit stack, because a deeply nested value would overflow JavaScript's. */
class Writer {
  readonly #maxDepth: number;
  readonly #wellFormed: boolean;
  readonly #chunks: string[] = [];
  readonly #frames: Frame[] = [];
  #text = "";
  #length = 0;

  constructor({ maxDepth = MAX_WRITTEN_DEPTH, wellFormed = false }: DumpsOptions) {
    this.#maxDepth = maxDepth;
    this.#wellFormed = wellFormed;
  }

  write(value: unknown): string {
    this.#begin(value);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const { names, values } = frame;
      if (frame.next === values.length) {
        this.#put(names === undefined ? "]" : "}");
        this.#frames.pop();
        continue;
      }
      const n = frame.next++;
      if (n > 0) this.#put(", ");
      if (names !== undefined) {
        this.#put(this.#quote(names[n]!));
        this.#put(": ");
      }
      this.#begin(values[n]);
    }
    return this.#chunks.length === 0 ? this.#text : this.#chunks.join("") + this.#text;
  }

  /** Writes a scalar, or the opening bracket of anything else. */
  #begin(value: unknown): void {
    if (typeof value === "object" && value !== null) this.#beginObject(value);
    else if (typeof value === "string") this.#put(this.#quote(value));
    else if (typeof value === "bigint") this.#put(integerText(value));
    else if (typeof value === "number" || typeof value === "boolean") this.#put(String(value));
    else this.#put("null");
  }

  #beginObject(value: object): void {
    if (value instanceof EncodedJson) this.#put(value.text);
    else if (Array.isArray(value)) this.#open("[", { names: undefined, values: value, next: 0 });
    else if (ArrayBuffer.isView(value) && !(value instanceof DataView))
      this.#open("[", { names: undefined, values: value as unknown as ArrayLike<unknown>, next: 0 });
    else if (value instanceof TypedValue)
      this.#open("{", { names: ["__type__", "__value__"], values: [value.type, value.value], next: 0 });
    else {
      const converted = convert(value);
      if (converted === value) this.#openMembers(value);
      else this.#begin(converted);
    }
  }

  #openMembers(value: object): void {
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    const names = members.map(([name]) => name);
    this.#open("{", { names, values: members.map(([, member]) => member), next: 0 });
  }

  #open(bracket: string, frame: Frame): void {
    if (this.#frames.push(frame) > this.#maxDepth) {
      throw new EncodeError(
        `The value cannot be written as JSON: it contains itself, or is nested more than ${this.#maxDepth} deep.`,
      );
    }
    this.#put(bracket);
  }

  #put(text: string): void {
    this.#length += text.length;
    if (this.#length > MAX_WRITTEN_LENGTH) {
      throw new EncodeError(
        `The value cannot be written as JSON: it takes more than ${MAX_WRITTEN_LENGTH} characters.`,
      );
    }
    this.#text += text;
    if (this.#text.length < CHUNK_LENGTH) return;
    this.#chunks.push(this.#text);
    this.#text = "";
  }

  #quote(text: string): string {
    return quote(this.#wellFormed ? text.replace(/\p{Surrogate}/gu, "\ufffd") : text);
  }
}

/** What an object's `toJSON` returns for it; the object itself if it has none. */
function convert(value: object): unknown {
  let converted: unknown = value;
  for (let n = 0; n < MAX_CONVERSIONS; n++) {
    const toJSON = (converted as { toJSON?: unknown } | null | undefined)?.toJSON;
    if (typeof converted !== "object" || typeof toJSON !== "function") return converted;
    converted = toJSON.call(converted);
  }
  throw new EncodeError("The value cannot be written as JSON: toJSON always returns another such object.");
}

function integerText(value: bigint): string {
  // The comparison is quick; writing millions of digits is not.
  if (value > LARGEST_INTEGER || value < -LARGEST_INTEGER) {
    throw new EncodeError(
      `The value cannot be written as JSON: Python reads no integer of more than ${MAX_DIGITS} digits.`,
    );
  }
  return String(value);
}

const LARGEST_INTEGER = 10n ** BigInt(MAX_DIGITS) - 1n;

/** Strings that need no escapes. */
const PLAIN_TEXT = /^[ !#-[\]-~]*$/;

function quote(text: string): string {
  if (PLAIN_TEXT.test(text)) return `"${text}"`;
  return JSON.stringify(text).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/**
 * Reads what Python's `json.loads` reads. Integers beyond 2⁵³ become BigInts; values with a kombu type become
 * {@link TypedValue}s.
 *
 * @throws SyntaxError
 */
export function loads(text: string): unknown {
  if (isPlain(text)) return JSON.parse(text);
  const builder = new ValueBuilder(MAX_DIGITS);
  const scanner = new JsonScanner(builder, MAX_READ_DEPTH, { acceptsPython: true });
  try {
    scanner.write(Buffer.from(text));
    scanner.end();
  } catch (error) {
    throw error instanceof SyntaxError ? error : new SyntaxError((error as Error).message);
  }
  return builder.value;
}

/**
 * Whether `JSON.parse` reads a string as Python would, provided that it is JSON: outside strings it has no NaN,
 * Infinity or large integer, and it has no value with a type. One pass, without a stack.
 *
 * Strings that nest too deep are left to the scanner, which rejects them.
 */
function isPlain(text: string): boolean {
  if (text.startsWith("\ufeff")) return true; // JSON.parse rejects it, as Python does
  if (text.includes('"__type__"')) return false;
  let depth = 0;
  for (let pos = 0; pos < text.length; pos++) {
    const unit = text.charCodeAt(pos);
    if (unit === 0x22) {
      pos = endOfString(text, pos + 1);
    } else if (unit === 0x5b || unit === 0x7b) {
      if (++depth > MAX_READ_DEPTH) return false;
    } else if (unit === 0x5d || unit === 0x7d) depth--;
    else if (unit === 0x4e || unit === 0x49) return false;
    else if (isDigit(unit)) {
      const start = pos;
      while (isDigit(text.charCodeAt(pos + 1))) pos++;
      const digits = pos + 1 - start;
      let isInteger = true;
      for (let next = text.charCodeAt(pos + 1); isNumberPart(next); next = text.charCodeAt(++pos + 1))
        isInteger = false;
      if (isInteger && digits >= 16) return false;
    }
  }
  return true;
}

/** The index of a string's closing quote; the length of `text` if it has none. */
function endOfString(text: string, from: number): number {
  for (let quoteAt = text.indexOf('"', from); quoteAt >= 0; quoteAt = text.indexOf('"', quoteAt + 1)) {
    let escapes = 0;
    while (quoteAt - escapes > from && text.charCodeAt(quoteAt - escapes - 1) === 0x5c) escapes++;
    if (escapes % 2 === 0) return quoteAt;
  }
  return text.length;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

/** Whether a code unit is a digit or can follow the digits of a number that is not an integer. */
function isNumberPart(unit: number): boolean {
  return isDigit(unit) || unit === 0x2e || unit === 0x65 || unit === 0x45 || unit === 0x2b || unit === 0x2d;
}
