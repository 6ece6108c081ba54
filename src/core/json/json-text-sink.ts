/** Receives the text of a JSON string or number, in pieces. */
export interface TextSink {
  /**
   * Takes a run of `bytes[from … to)`. Must stop before the first `"`, `\`, control byte or byte above 0x7e, and
   * may stop earlier.
   *
   * @returns the index of the first byte not taken
   */
  takeRun(bytes: Uint8Array, from: number, to: number): number;
  /** Takes one byte of the text: UTF-8, escapes resolved. */
  takeByte(byte: number): void;
}

/** Feeds a complete text to a sink: its UTF-8 bytes `from … to`. */
export function feedText(sink: TextSink, text: Uint8Array, from = 0, to = text.length): void {
  let pos = sink.takeRun(text, from, to);
  while (pos < to) {
    sink.takeByte(text[pos]!);
    pos = sink.takeRun(text, pos + 1, to);
  }
}

/**
 * The first index in `from … to` of a byte that ends a run of plain text: `"`, `\`, a control byte or one above 0x7e.
 */
function endOfPlainRun(bytes: Uint8Array, from: number, to: number): number {
  let pos = from;
  while (pos < to) {
    const byte = bytes[pos]!;
    if (byte === 0x22 || byte === 0x5c || byte < 0x20 || byte > 0x7e) break;
    pos++;
  }
  return pos;
}

/** Discards the text. */
export const skippedText: TextSink = Object.freeze({ takeRun: endOfPlainRun, takeByte: () => {} });

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Keeps a text of up to `capacity` bytes of UTF-8; of a longer one, only {@link tooLong} and {@link length} are valid.
 */
export class CollectedText implements TextSink {
  /** Bytes in the text, including those beyond the capacity. */
  length = 0;
  readonly bytes: Uint8Array;

  constructor(readonly capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Starts a new text. */
  clear(): void {
    this.length = 0;
  }

  get tooLong(): boolean {
    return this.length > this.capacity;
  }

  takeRun(bytes: Uint8Array, from: number, to: number): number {
    const end = endOfPlainRun(bytes, from, to);
    const kept = Math.min(end, from + Math.max(0, this.capacity - this.length));
    let out = this.length;
    for (let pos = from; pos < kept; pos++) this.bytes[out++] = bytes[pos]!;
    this.length += end - from;
    return end;
  }

  takeByte(byte: number): void {
    if (this.length < this.capacity) this.bytes[this.length] = byte;
    this.length++;
  }

  /** The text; only valid if it is not {@link tooLong}. */
  text(): string {
    return utf8.decode(this.bytes.subarray(0, this.length));
  }

  /**
   * The text as a row index: decimal digits without leading zeros, below 2³² − 1.
   *
   * @returns the index, or -1 if the text is not one
   */
  rowIndex(): number {
    const { bytes, length } = this;
    if (length === 0 || length > 10 || (bytes[0] === 0x30 && length > 1)) return -1;
    let row = 0;
    for (let i = 0; i < length; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) return -1;
      row = row * 10 + digit;
    }
    return row < 2 ** 32 - 1 ? row : -1;
  }
}
