import { allocateBytes } from "../clk-dataset.js";
import { LinkageError } from "../errors.js";

/** Bytes in the first segment; each further one is twice as long, up to the maximum. */
const FIRST_LENGTH = 1 << 14;
const MAX_LENGTH = 1 << 20;

/**
 * Collects an unknown number of bytes in segments, so that growing copies nothing, and joins them once, in memory of
 * the exact size.
 */
export class ByteSegments {
  /** The segment being filled; valid from the first {@link reserve} on. */
  segment: Uint8Array = new Uint8Array(0);
  /** How much of {@link segment} is filled. */
  used = 0;
  private readonly filled: Uint8Array[] = [];
  private filledLength = 0;
  private nextLength = FIRST_LENGTH;

  /** @param exactLength total length, if known: saves the copy at the end */
  constructor(private exactLength = 0) {}

  /** Bytes in all segments. */
  get length(): number {
    return this.filledLength + this.used;
  }

  /** Makes sure that the next `length` bytes of {@link segment}, from {@link used} on, can be written. */
  reserve(length: number): void {
    if (this.segment.length - this.used >= length) return;
    this.close();
    this.segment =
      this.exactLength >= length
        ? allocate(this.exactLength)
        : new Uint8Array(Math.max(length, this.nextLength));
    this.exactLength = 0;
    this.nextLength = Math.min(this.nextLength * 2, MAX_LENGTH);
  }

  /** Keeps `length` bytes that were written after {@link reserve}. */
  commit(length: number): void {
    this.used += length;
  }

  /** Appends a copy of `bytes`. */
  append(bytes: Uint8Array): void {
    let from = 0;
    while (from < bytes.length) {
      if (this.used === this.segment.length) this.reserve(1);
      const to = Math.min(bytes.length, from + this.segment.length - this.used);
      this.segment.set(bytes.subarray(from, to), this.used);
      this.used += to - from;
      from = to;
    }
  }

  /** Joins everything in memory of the exact size, shared if possible. May return the segment itself. */
  join(): Uint8Array {
    if (this.filled.length === 0 && this.used === this.segment.length && isAllocated(this.segment)) {
      return this.segment;
    }
    this.close();
    const bytes = allocate(this.filledLength);
    let offset = 0;
    for (const part of this.filled) {
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  private close(): void {
    if (this.used > 0) this.filled.push(this.segment.subarray(0, this.used));
    this.filledLength += this.used;
    this.segment = new Uint8Array(0);
    this.used = 0;
  }
}

function isAllocated(segment: Uint8Array): boolean {
  return typeof SharedArrayBuffer === "function" && segment.buffer instanceof SharedArrayBuffer;
}

function allocate(length: number): Uint8Array {
  try {
    return allocateBytes(length);
  } catch {
    throw new LinkageError("invalid-dataset", `The data set of ${length} bytes does not fit in memory.`, {
      subject: "data set",
      received: `${length} bytes`,
    });
  }
}
