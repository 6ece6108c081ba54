import type { JsonHandler } from "../core/json/json-scanner.js";
import { skippedText, type TextSink } from "../core/json/json-text-sink.js";
import { TypedValue } from "./typed-value.js";

type Container = unknown[] | Record<string, unknown>;

/**
 * Builds the values that a scanner of Python's JSON reports. Integers that a number cannot hold become BigInts; objects
 * that are marked with a type become {@link TypedValue}s.
 */
export class ValueBuilder implements JsonHandler {
  /** The value, once the input has ended. */
  value: unknown;
  readonly #maxDigits: number;
  readonly #text = new GrowingText();
  readonly #containers: Container[] = [];
  /** Keys whose values are pending: one per open object. */
  readonly #keys: string[] = [];

  /** @param maxDigits the maximum number of digits of an integer */
  constructor(maxDigits: number) {
    this.#maxDigits = maxDigits;
  }

  openObject(): void {
    this.#containers.push({});
  }

  closeObject(): void {
    const object = this.#containers.pop() as Record<string, unknown>;
    const { __type__: type, __value__: content } = object;
    const isTyped = typeof type === "string" && "__value__" in object && Object.keys(object).length === 2;
    this.#add(isTyped ? new TypedValue(type, content) : object);
  }

  openArray(): void {
    this.#containers.push([]);
  }

  closeArray(): void {
    this.#add(this.#containers.pop());
  }

  beginKey(): TextSink {
    return this.#text.clear();
  }

  endKey(): void {
    this.#keys.push(this.#text.toString());
  }

  beginString(): TextSink {
    return this.#text.clear();
  }

  endString(): void {
    this.#add(this.#text.toString());
  }

  beginNumber(): TextSink {
    return this.#text.clear();
  }

  endNumber(): void {
    const text = this.#text.toString();
    const number = Number(text);
    if (Number.isSafeInteger(number) || /[.eE]/.test(text)) this.#add(number);
    else {
      const digits = text.length - (text.startsWith("-") ? 1 : 0);
      if (digits > this.#maxDigits) {
        throw new SyntaxError(`An integer has ${digits} digits; the limit is ${this.#maxDigits}.`);
      }
      this.#add(BigInt(text));
    }
  }

  literal(text: string): void {
    if (text === "null") this.#add(null);
    else this.#add(text === "true" || text === "false" ? text === "true" : Number(text));
  }

  #add(value: unknown): void {
    const container = this.#containers.at(-1);
    if (container === undefined) this.value = value;
    else if (Array.isArray(container)) container.push(value);
    else {
      const key = this.#keys.pop()!;
      if (key !== "__proto__") container[key] = value;
      else
        Object.defineProperty(container, key, {
          value,
          writable: true,
          enumerable: true,
          configurable: true,
        });
    }
  }
}

/** Up to this length, copying byte by byte is faster. */
const SHORT_RUN = 32;

/** Collects one string or number of any length. */
class GrowingText implements TextSink {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;

  /** Starts a new string or number. */
  clear(): this {
    this.#length = 0;
    return this;
  }

  takeRun(bytes: Uint8Array, from: number, to: number): number {
    const end = skippedText.takeRun(bytes, from, to);
    const length = end - from;
    this.#reserve(length);
    if (length > SHORT_RUN) this.#bytes.set(bytes.subarray(from, end), this.#length);
    else for (let n = 0; n < length; n++) this.#bytes[this.#length + n] = bytes[from + n]!;
    this.#length += length;
    return end;
  }

  takeByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  toString(): string {
    const bytes = this.#bytes.subarray(0, this.#length);
    return bytes.includes(SURROGATE_LEAD) ? decodeWithSurrogates(bytes) : bytes.toString("utf8");
  }

  #reserve(byteLength: number): void {
    if (this.#length + byteLength <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(2 * (this.#length + byteLength));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** The first byte of every encoded surrogate, and of some other characters. */
const SURROGATE_LEAD = 0xed;

/** Decodes UTF-8 that may contain lone surrogates, as three bytes each. */
function decodeWithSurrogates(bytes: Buffer): string {
  let text = "";
  let from = 0;
  for (let at = bytes.indexOf(SURROGATE_LEAD); at >= 0; at = bytes.indexOf(SURROGATE_LEAD, at + 1)) {
    if (bytes[at + 1]! < 0xa0) continue;
    text += bytes.toString("utf8", from, at);
    text += String.fromCharCode(0xd000 | ((bytes[at + 1]! & 63) << 6) | (bytes[at + 2]! & 63));
    from = at + 3;
  }
  return text + bytes.toString("utf8", from);
}
