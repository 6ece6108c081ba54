import type { LinkageError } from "../errors.js";
import { NumberState, nextNumberState } from "./json-number.js";
import { JsonStringScanner } from "./json-string-scanner.js";
import { describeByte, jsonSyntaxError } from "./json-syntax-error.js";
import { skippedText, type TextSink } from "./json-text-sink.js";

/**
 * Receives the events of a JSON scanner or parser, in document order. The text of keys, strings and numbers goes to the
 * sink that is returned.
 */
export interface JsonHandler {
  openObject(): void;
  closeObject(): void;
  openArray(): void;
  closeArray(): void;
  beginKey(): TextSink;
  endKey(): void;
  beginString(): TextSink;
  endString(): void;
  beginNumber(): TextSink;
  endNumber(): void;
  /** @param text `true`, `false` or `null`; `NaN`, `Infinity` or `-Infinity` if they are accepted */
  literal(text: string): void;
}

export interface JsonScannerOptions {
  /**
   * Also accept what only Python's json module writes: NaN, Infinity, -Infinity, and lone surrogates, which sinks
   * receive as three bytes each. `-Infinity` begins as a number, whose end is then never reported.
   */
  readonly acceptsPython?: boolean;
}

enum State {
  Start,
  Value,
  ValueOrArrayEnd,
  Key,
  KeyOrObjectEnd,
  Colon,
  CommaOrEnd,
  Done,
  // From here on, whitespace is significant.
  ByteOrderMark1,
  ByteOrderMark2,
  Literal,
  String,
  Number,
}

const IN_OBJECT = 1;
const IN_ARRAY = 0;
const QUOTE = 0x22;

/** What each state expects, in words. */
const EXPECTED: Partial<Record<State, string>> = {
  [State.Start]: "a value",
  [State.Value]: "a value",
  [State.ValueOrArrayEnd]: "a value or ]",
  [State.Key]: "a key in quotes",
  [State.KeyOrObjectEnd]: "a key in quotes or }",
  [State.Colon]: "a colon",
  [State.Done]: "the end of the text",
  [State.ByteOrderMark1]: "a byte order mark",
  [State.ByteOrderMark2]: "a byte order mark",
  [State.Literal]: "true, false or null",
  [State.Number]: "a digit",
};

/**
 * A strict JSON scanner for UTF-8 bytes in chunks, split anywhere. It keeps no text: the contents of strings and
 * numbers go to the sinks of its handler. A byte order mark is tolerated; surrogates must be paired, unless the options
 * say otherwise.
 *
 * Any syntax error throws LinkageError `invalid-dataset` with the byte offset; the scanner cannot be used after that.
 */
export class JsonScanner {
  private state = State.Start;
  private depth = 0;
  private readonly containers: Uint8Array;
  private readonly string: JsonStringScanner;
  private readonly acceptsPython: boolean;
  private number = NumberState.Minus;
  private numberSink: TextSink = skippedText;
  private isKey = false;
  private offset = 0;
  private literal = "";
  private literalIndex = 0;

  /** @param maxDepth maximum nesting depth of arrays and objects */
  constructor(
    private readonly handler: JsonHandler,
    maxDepth: number,
    { acceptsPython = false }: JsonScannerOptions = {},
  ) {
    this.containers = new Uint8Array(maxDepth);
    this.acceptsPython = acceptsPython;
    this.string = new JsonStringScanner(acceptsPython);
  }

  /** Scans the next chunk. */
  write(bytes: Uint8Array): void {
    let pos = 0;
    while (pos < bytes.length) {
      if (this.state === State.String) pos = this.scanString(bytes, pos);
      else if (this.state === State.Number) pos = this.scanNumber(bytes, pos);
      else {
        const byte = bytes[pos]!;
        const isSpace = byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
        if (!isSpace || this.state >= State.ByteOrderMark1) this.step(byte, pos);
        pos++;
      }
    }
    this.offset += bytes.length;
  }

  /** Ends the text, which must be one complete value. */
  end(): void {
    if (this.state === State.Number && this.depth === 0) this.endNumber(0);
    if (this.state !== State.Done) this.fail(0);
  }

  private step(byte: number, pos: number): void {
    switch (this.state) {
      case State.Start:
        if (byte === 0xef && this.offset + pos === 0) this.state = State.ByteOrderMark1;
        else this.beginValue(byte, pos);
        break;
      case State.ByteOrderMark1:
        if (byte !== 0xbb) this.fail(pos, byte);
        this.state = State.ByteOrderMark2;
        break;
      case State.ByteOrderMark2:
        if (byte !== 0xbf) this.fail(pos, byte);
        this.state = State.Value;
        break;
      case State.ValueOrArrayEnd:
        if (byte === 0x5d) this.close(byte, pos);
        else this.beginValue(byte, pos);
        break;
      case State.Value:
        this.beginValue(byte, pos);
        break;
      case State.KeyOrObjectEnd:
        if (byte === 0x7d) this.close(byte, pos);
        else this.beginKey(byte, pos);
        break;
      case State.Key:
        this.beginKey(byte, pos);
        break;
      case State.Colon:
        if (byte !== 0x3a) this.fail(pos, byte);
        this.state = State.Value;
        break;
      case State.CommaOrEnd:
        if (byte === 0x2c) this.state = this.isInObject() ? State.Key : State.Value;
        else this.close(byte, pos);
        break;
      case State.Literal:
        if (byte !== this.literal.charCodeAt(this.literalIndex)) this.fail(pos, byte);
        if (++this.literalIndex === this.literal.length) {
          this.handler.literal(this.literal);
          this.endValue();
        }
        break;
      default:
        this.fail(pos, byte);
    }
  }

  private beginValue(byte: number, pos: number): void {
    if (byte === QUOTE) {
      this.isKey = false;
      this.string.begin(this.handler.beginString());
      this.state = State.String;
    } else if (byte === 0x5b) {
      this.open(IN_ARRAY, pos);
      this.handler.openArray();
      this.state = State.ValueOrArrayEnd;
    } else if (byte === 0x7b) {
      this.open(IN_OBJECT, pos);
      this.handler.openObject();
      this.state = State.KeyOrObjectEnd;
    } else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      this.numberSink = this.handler.beginNumber();
      this.numberSink.takeByte(byte);
      if (byte === 0x2d) this.number = NumberState.Minus;
      else this.number = byte === 0x30 ? NumberState.Zero : NumberState.Integer;
      this.state = State.Number;
    } else if (byte === 0x74 || byte === 0x66 || byte === 0x6e) {
      this.beginLiteral(byte === 0x74 ? "true" : byte === 0x66 ? "false" : "null");
    } else if (this.acceptsPython && (byte === 0x4e || byte === 0x49)) {
      this.beginLiteral(byte === 0x4e ? "NaN" : "Infinity");
    } else this.fail(pos, byte);
  }

  private beginLiteral(literal: string): void {
    this.literal = literal;
    this.literalIndex = 1;
    this.state = State.Literal;
  }

  private beginKey(byte: number, pos: number): void {
    if (byte !== QUOTE) this.fail(pos, byte);
    this.isKey = true;
    this.string.begin(this.handler.beginKey());
    this.state = State.String;
  }

  private open(kind: number, pos: number): void {
    if (this.depth === this.containers.length) {
      throw this.error(pos, `at most ${this.containers.length} nested arrays and objects`, "one more");
    }
    this.containers[this.depth++] = kind;
  }

  private close(byte: number, pos: number): void {
    if (byte !== (this.isInObject() ? 0x7d : 0x5d)) this.fail(pos, byte);
    const wasObject = this.isInObject();
    this.depth--;
    if (wasObject) this.handler.closeObject();
    else this.handler.closeArray();
    this.endValue();
  }

  private isInObject(): boolean {
    return this.containers[this.depth - 1] === IN_OBJECT;
  }

  private endValue(): void {
    this.state = this.depth === 0 ? State.Done : State.CommaOrEnd;
  }

  private scanString(bytes: Uint8Array, from: number): number {
    const pos = this.string.scan(bytes, from, this.offset);
    if (!this.string.isOpen) {
      if (this.isKey) {
        this.handler.endKey();
        this.state = State.Colon;
      } else {
        this.handler.endString();
        this.endValue();
      }
    }
    return pos;
  }

  /** Scans a number. It ends before the first byte that cannot continue it. */
  private scanNumber(bytes: Uint8Array, from: number): number {
    let pos = from;
    for (; pos < bytes.length; pos++) {
      const byte = bytes[pos]!;
      const next = nextNumberState(this.number, byte);
      if (next === undefined) {
        this.endNumber(pos, byte);
        return pos;
      }
      this.number = next;
      this.numberSink.takeByte(byte);
    }
    return pos;
  }

  private endNumber(pos: number, byte?: number): void {
    if (this.number < NumberState.Zero) {
      if (!this.acceptsPython || this.number !== NumberState.Minus || byte !== 0x49) this.fail(pos, byte);
      this.beginLiteral("-Infinity");
      return;
    }
    this.handler.endNumber();
    this.endValue();
  }

  private fail(pos: number, byte?: number): never {
    let expected = EXPECTED[this.state] ?? `a comma or ${this.isInObject() ? "}" : "]"}`;
    if (this.state === State.String) expected = this.string.expected();
    throw this.error(pos, expected, byte === undefined ? "the end of the text" : describeByte(byte));
  }

  private error(pos: number, expected: string, received: string): LinkageError {
    return jsonSyntaxError(this.offset + pos, expected, received);
  }
}
