const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
/** The signature, no flags and no extension. */
const HEADER = Buffer.concat([SIGNATURE, Buffer.alloc(8)]);
const END_OF_ROWS = Buffer.from([0xff, 0xff]);
/** Bytes of a row's number of fields, and of a field's length. */
const COUNT_LENGTH = 2;
const LENGTH_LENGTH = 4;

/**
 * Encodes rows in PostgreSQL's binary COPY format, which copy-decoder.ts describes, into a reusable buffer. Begin a
 * row, then add its fields in order.
 */
export class CopyEncoder {
  #bytes: Buffer;
  #length = HEADER.length;

  /** @param capacity initial capacity in bytes */
  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(capacity, 1024));
    this.#bytes.set(HEADER);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  get isEmpty(): boolean {
    return this.#length === HEADER.length;
  }

  beginRow(fieldCount: number): void {
    this.#reserve(COUNT_LENGTH);
    this.#length = this.#bytes.writeInt16BE(fieldCount, this.#length);
  }

  int32(value: number): void {
    this.#beginField(4);
    this.#length = this.#bytes.writeInt32BE(value, this.#length);
  }

  /** A 64-bit integer, from its halves. */
  int64(upper: number, lower: number): void {
    this.#beginField(8);
    this.#length = this.#bytes.writeInt32BE(upper, this.#length);
    this.#length = this.#bytes.writeUInt32BE(lower, this.#length);
  }

  /** A string, or the label of an enum. */
  text(value: string): void {
    this.#beginField(Buffer.byteLength(value));
    this.#length += this.#bytes.write(value, this.#length);
  }

  /** An unsigned 32-bit number, big-endian, followed by bytes: an entity id and its encoding. */
  numberedBytes(number: number, bytes: Uint8Array): void {
    this.#beginField(4 + bytes.length);
    this.#length = this.#bytes.writeUInt32BE(number, this.#length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** All bytes, valid until {@link clear}. */
  finish(): Buffer {
    this.#reserve(END_OF_ROWS.length);
    this.#bytes.set(END_OF_ROWS, this.#length);
    return this.#bytes.subarray(0, this.#length + END_OF_ROWS.length);
  }

  /** Starts over. */
  clear(): void {
    this.#length = HEADER.length;
  }

  #beginField(length: number): void {
    this.#reserve(LENGTH_LENGTH + length);
    this.#length = this.#bytes.writeInt32BE(length, this.#length);
  }

  #reserve(length: number): void {
    if (this.#length + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
