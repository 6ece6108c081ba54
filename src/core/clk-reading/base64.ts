import { LinkageError } from "../errors.js";
import { feedText, type TextSink } from "../json/json-text-sink.js";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const NO_SEXTET = 255;
const NO_QUAD = 1 << 30;
const PADDING = 0x3d;

/** Base64 character → its six bits; 255 for any other byte. */
const SEXTETS = new Uint8Array(256).fill(NO_SEXTET);
/** The same, shifted to each of the four positions in a quad; a bit above the 24 marks any other byte. */
const QUAD_0 = new Int32Array(256).fill(NO_QUAD);
const QUAD_1 = new Int32Array(256).fill(NO_QUAD);
const QUAD_2 = new Int32Array(256).fill(NO_QUAD);
const QUAD_3 = new Int32Array(256).fill(NO_QUAD);
/** Six bits → base64 character. */
const LETTERS = new Uint8Array(64);

for (let sextet = 0; sextet < 64; sextet++) {
  const byte = ALPHABET.charCodeAt(sextet);
  LETTERS[sextet] = byte;
  SEXTETS[byte] = sextet;
  QUAD_0[byte] = sextet << 18;
  QUAD_1[byte] = sextet << 12;
  QUAD_2[byte] = sextet << 6;
  QUAD_3[byte] = sextet;
}

/**
 * Decodes base64 in pieces, directly into its target. Standard alphabet, padding required, whitespace allowed anywhere.
 * Bits left over before the padding are ignored, as in most decoders.
 *
 * Call {@link start}, then {@link takeRun} and {@link takeByte} for the text, then {@link finish}.
 */
export class Base64Decoder implements TextSink {
  /** Bytes decoded since {@link start}, including those beyond the limit. */
  byteCount = 0;
  private target: Uint8Array = new Uint8Array(0);
  private offset = 0;
  private limit = 0;
  private bits = 0;
  private sextetCount = 0;
  private paddingCount = 0;
  private position = 0;
  private problem: string | undefined;

  /** Starts a new text. Decoded bytes go to `target` from `offset` on; those past `limit` are only counted. */
  start(target: Uint8Array, offset: number, limit: number): void {
    this.target = target;
    this.offset = offset;
    this.limit = limit;
    this.byteCount = 0;
    this.bits = 0;
    this.sextetCount = 0;
    this.paddingCount = 0;
    this.position = 0;
    this.problem = undefined;
  }

  /**
   * Decodes `bytes[from … to)` up to the first byte outside the alphabet (padding and whitespace are outside).
   *
   * @returns the index of that byte, or `to`
   */
  takeRun(bytes: Uint8Array, from: number, to: number): number {
    let pos = from;
    if (this.paddingCount > 0 && pos < to && SEXTETS[bytes[pos]!] !== NO_SEXTET) this.rejectAfterPadding();
    while (this.sextetCount > 0 && pos < to) {
      const sextet = SEXTETS[bytes[pos]!]!;
      if (sextet === NO_SEXTET) break;
      this.addSextet(sextet);
      pos++;
    }
    if (this.sextetCount === 0) {
      pos = this.takeQuads(bytes, pos, to);
      for (; pos < to; pos++) {
        const sextet = SEXTETS[bytes[pos]!]!;
        if (sextet === NO_SEXTET) break;
        this.addSextet(sextet);
      }
    }
    this.position += pos - from;
    return pos;
  }

  /** Takes any one byte of the text. */
  takeByte(byte: number): void {
    const sextet = SEXTETS[byte]!;
    if (sextet !== NO_SEXTET) {
      if (this.paddingCount > 0) this.rejectAfterPadding();
      this.addSextet(sextet);
    } else if (byte === PADDING) {
      this.paddingCount++;
      if (this.sextetCount < 2 || this.sextetCount + this.paddingCount > 4) {
        this.problem ??= `misplaced base64 padding at character ${this.position}`;
      }
    } else if (byte !== 0x20 && !(byte >= 0x09 && byte <= 0x0d)) {
      this.problem ??= `a character that is not base64 at character ${this.position}`;
    }
    this.position++;
  }

  /** Ends the text. Returns what is wrong with it, or `undefined`. */
  finish(): string | undefined {
    if (this.problem === undefined && this.sextetCount > 0) {
      if (this.sextetCount + this.paddingCount !== 4) {
        return "base64 of a length that is not a multiple of 4 characters";
      }
      if (this.sextetCount === 2) this.emit(this.bits >> 4);
      else {
        this.emit(this.bits >> 10);
        this.emit(this.bits >> 2);
      }
      this.sextetCount = 0;
    }
    return this.problem;
  }

  private takeQuads(bytes: Uint8Array, from: number, to: number): number {
    const target = this.target;
    const last = Math.min(to - 4, bytes.length - 4);
    const lastOut = Math.min(this.offset + this.limit, target.length) - 3;
    const firstOut = this.offset + this.byteCount;
    let out = firstOut;
    let pos = from;
    while (pos <= last && out <= lastOut) {
      const quad =
        QUAD_0[bytes[pos]!]! | QUAD_1[bytes[pos + 1]!]! | QUAD_2[bytes[pos + 2]!]! | QUAD_3[bytes[pos + 3]!]!;
      if (quad >= NO_QUAD) break;
      target[out] = quad >> 16;
      target[out + 1] = quad >> 8;
      target[out + 2] = quad;
      out += 3;
      pos += 4;
    }
    this.byteCount += out - firstOut;
    return pos;
  }

  private addSextet(sextet: number): void {
    this.bits = (this.bits << 6) | sextet;
    if (++this.sextetCount < 4) return;
    this.emit(this.bits >> 16);
    this.emit(this.bits >> 8);
    this.emit(this.bits);
    this.bits = 0;
    this.sextetCount = 0;
  }

  private emit(byte: number): void {
    if (this.byteCount < this.limit) this.target[this.offset + this.byteCount] = byte;
    this.byteCount++;
  }

  private rejectAfterPadding(): void {
    this.problem ??= `base64 that continues after its padding at character ${this.position}`;
  }
}

/**
 * Decodes base64 (standard alphabet, padding required, whitespace tolerated) into `target`.
 *
 * @param text a string, or the bytes of one (take a `subarray` for a part)
 * @param offset position of the first byte in `target`, default 0
 * @returns the number of bytes written
 * @throws LinkageError `invalid-dataset` if `text` is not base64 or does not fit into `target`, which may then contain
 *   a part of it
 */
export function decodeBase64(text: string | Uint8Array, target: Uint8Array, offset = 0): number {
  const decoder = new Base64Decoder();
  const room = Math.max(0, target.length - offset);
  decoder.start(target, offset, room);
  feedText(decoder, typeof text === "string" ? new TextEncoder().encode(text) : text);
  const problem = decoder.finish();
  if (problem !== undefined) {
    throw new LinkageError("invalid-dataset", `Invalid base64: ${problem}.`, { subject: "base64" });
  }
  if (decoder.byteCount > room) {
    const message = `The base64 decodes to ${decoder.byteCount} bytes, but the target has room for ${room}.`;
    throw new LinkageError("invalid-dataset", message, {
      subject: "base64",
      expected: `at most ${room} bytes`,
      received: `${decoder.byteCount} bytes`,
    });
  }
  return decoder.byteCount;
}

const asciiDecoder = new TextDecoder();

/** Encodes `bytes[from … to)` (default: all of it) as base64 with padding and without line breaks. */
export function encodeBase64(bytes: Uint8Array, from = 0, to = bytes.length): string {
  const text = new Uint8Array(Math.ceil((to - from) / 3) * 4);
  let out = 0;
  let pos = from;
  for (; pos + 3 <= to; pos += 3) {
    const bits = (bytes[pos]! << 16) | (bytes[pos + 1]! << 8) | bytes[pos + 2]!;
    text[out++] = LETTERS[bits >> 18]!;
    text[out++] = LETTERS[(bits >> 12) & 63]!;
    text[out++] = LETTERS[(bits >> 6) & 63]!;
    text[out++] = LETTERS[bits & 63]!;
  }
  if (pos < to) {
    const both = pos + 1 < to;
    const bits = (bytes[pos]! << 16) | (both ? bytes[pos + 1]! << 8 : 0);
    text[out++] = LETTERS[bits >> 18]!;
    text[out++] = LETTERS[(bits >> 12) & 63]!;
    text[out++] = both ? LETTERS[(bits >> 6) & 63]! : PADDING;
    text[out++] = PADDING;
  }
  return asciiDecoder.decode(text);
}
