import { describeByte, jsonSyntaxError } from "./json-syntax-error.js";
import { skippedText, type TextSink } from "./json-text-sink.js";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What each escape letter stands for. */
const ESCAPES = new Map(
  [...'"\\/bfnrt'].map((letter, i) => [letter.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(i)]),
);

/** Scans the contents of a JSON string: checks its UTF-8 and resolves its escapes. */
export class JsonStringScanner {
  /** Whether the closing quote is still to come. */
  isOpen = false;
  private sink: TextSink = skippedText;
  private isEscape = false;
  /** Hexadecimal digits of an escape still to come. */
  private hexDigits = 0;
  private codeUnit = 0;
  private highSurrogate = 0;
  /** Continuation bytes to come, and the range of the next one. */
  private utf8Left = 0;
  private utf8Low = 0x80;
  private utf8High = 0xbf;

  /** @param acceptsSingleSurrogates whether to accept lone surrogates */
  constructor(private readonly acceptsSingleSurrogates: boolean) {}

  /** Starts a string, after its opening quote. */
  begin(sink: TextSink): void {
    this.sink = sink;
    this.isOpen = true;
  }

  /**
   * Scans `bytes` from `from` on.
   *
   * @param offset offset of `bytes[0]` in the whole text, for errors
   * @returns the index after the closing quote, or the length of `bytes`
   */
  scan(bytes: Uint8Array, from: number, offset: number): number {
    let pos = from;
    while (pos < bytes.length) {
      if (!this.isEscape && this.utf8Left === 0 && this.highSurrogate === 0) {
        pos = this.sink.takeRun(bytes, pos, bytes.length);
        if (pos === bytes.length) break;
      }
      const byte = bytes[pos]!;
      if (this.highSurrogate !== 0 && !this.isEscape && byte !== BACKSLASH) {
        this.endHighSurrogate(offset + pos, describeByte(byte));
      }
      if (byte === QUOTE && !this.isEscape && this.utf8Left === 0) {
        this.isOpen = false;
        return pos + 1;
      }
      this.take(byte, offset + pos);
      pos++;
    }
    return pos;
  }

  /** What is missing if the text ends here. */
  expected(): string {
    if (this.hexDigits > 0) return "a hexadecimal digit";
    return this.isEscape ? "an escape letter" : "the closing quote";
  }

  private take(byte: number, offset: number): void {
    if (this.hexDigits > 0) this.takeHexDigit(byte, offset);
    else if (this.isEscape) this.takeEscape(byte, offset);
    else if (this.utf8Left > 0) this.takeContinuation(byte, offset);
    else if (byte === BACKSLASH) this.isEscape = true;
    else if (byte < 0x20) {
      throw jsonSyntaxError(offset, "no control character in a string", describeByte(byte));
    } else if (byte >= 0x80) this.takeLead(byte, offset);
    else this.sink.takeByte(byte);
  }

  private takeLead(byte: number, offset: number): void {
    if (byte < 0xc2 || byte > 0xf4) throw jsonSyntaxError(offset, "UTF-8", describeByte(byte));
    this.utf8Left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.utf8Low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.utf8High = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
    this.sink.takeByte(byte);
  }

  private takeContinuation(byte: number, offset: number): void {
    if (byte < this.utf8Low || byte > this.utf8High) {
      throw jsonSyntaxError(offset, "UTF-8", describeByte(byte));
    }
    this.utf8Low = 0x80;
    this.utf8High = 0xbf;
    this.utf8Left--;
    this.sink.takeByte(byte);
  }

  private takeEscape(byte: number, offset: number): void {
    if (byte === 0x75) {
      this.codeUnit = 0;
      this.hexDigits = 4;
      return;
    }
    const meaning = ESCAPES.get(byte);
    if (meaning === undefined) throw jsonSyntaxError(offset, "an escape letter", describeByte(byte));
    if (this.highSurrogate !== 0) this.endHighSurrogate(offset, "another escape");
    this.sink.takeByte(meaning);
    this.isEscape = false;
  }

  private takeHexDigit(byte: number, offset: number): void {
    const lower = byte | 0x20;
    let digit = -1;
    if (byte >= 0x30 && byte <= 0x39) digit = byte - 0x30;
    else if (lower >= 0x61 && lower <= 0x66) digit = lower - 0x57;
    if (digit < 0) throw jsonSyntaxError(offset, "a hexadecimal digit", describeByte(byte));
    this.codeUnit = (this.codeUnit << 4) | digit;
    if (--this.hexDigits === 0) {
      this.takeCodeUnit(this.codeUnit, offset);
      this.isEscape = false;
    }
  }

  /** Handles a high surrogate that is not followed by a low one. */
  private endHighSurrogate(offset: number, received: string): void {
    if (!this.acceptsSingleSurrogates) {
      throw jsonSyntaxError(offset, "the second half of a surrogate pair", received);
    }
    emitUtf8(this.sink, this.highSurrogate);
    this.highSurrogate = 0;
  }

  private takeCodeUnit(unit: number, offset: number): void {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    const isSingle = isLow !== (this.highSurrogate !== 0);
    if (isSingle) {
      if (!this.acceptsSingleSurrogates) throw jsonSyntaxError(offset, "surrogates in pairs", "a single one");
      if (!isLow) this.endHighSurrogate(offset, "a single one");
    }
    if (unit >= 0xd800 && unit <= 0xdbff) this.highSurrogate = unit;
    else if (isLow && !isSingle) {
      emitUtf8(this.sink, 0x10000 + ((this.highSurrogate - 0xd800) << 10) + (unit - 0xdc00));
      this.highSurrogate = 0;
    } else emitUtf8(this.sink, unit);
  }
}

function emitUtf8(sink: TextSink, codePoint: number): void {
  if (codePoint < 0x80) {
    sink.takeByte(codePoint);
    return;
  }
  if (codePoint < 0x800) sink.takeByte(0xc0 | (codePoint >> 6));
  else {
    if (codePoint < 0x10000) sink.takeByte(0xe0 | (codePoint >> 12));
    else {
      sink.takeByte(0xf0 | (codePoint >> 18));
      sink.takeByte(0x80 | ((codePoint >> 12) & 63));
    }
    sink.takeByte(0x80 | ((codePoint >> 6) & 63));
  }
  sink.takeByte(0x80 | (codePoint & 63));
}
