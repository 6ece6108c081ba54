import { describeValue, LinkageError, wrongValue } from "../errors.js";

/**
 * Bytes that arrive in chunks: any iterable or async iterable (a Node stream, a generator) or a web stream. Strings are
 * UTF-16 and may be split anywhere.
 */
export type ByteStream =
  | AsyncIterable<Uint8Array | string>
  | Iterable<Uint8Array | string>
  | ReadableStream<Uint8Array>;

/** Iterates over a stream's chunks; leaving early cancels the stream. */
export async function* chunksOf(stream: ByteStream): AsyncGenerator<Uint8Array | string, void, undefined> {
  const source: Partial<ReadableStream<Uint8Array>> & object = Object(stream);
  if (Symbol.asyncIterator in source || Symbol.iterator in source) {
    yield* stream as AsyncIterable<Uint8Array>;
    return;
  }
  // Not every browser can iterate over a web stream.
  if (typeof source.getReader !== "function") {
    const expected = "an async iterable or a ReadableStream";
    throw wrongValue("invalid-dataset", "The stream", expected, describeValue(stream));
  }
  const reader = (stream as ReadableStream<Uint8Array>).getReader();
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isDone = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!isDone) await reader.cancel().catch(() => {});
    reader.releaseLock();
  }
}

/** The error for a chunk that is neither bytes nor, if strings are allowed, a string. */
export function wrongChunk(chunk: unknown, expected: string): LinkageError {
  return wrongValue("invalid-dataset", "A chunk of the stream", expected, describeValue(chunk));
}

/** UTF-16 code units encoded at once: keeps the scratch memory small. */
const SLICE_LENGTH = 1 << 16;

/** Encodes a string that arrives in pieces, split anywhere, as UTF-8. */
export class Utf8Pieces {
  private readonly encoder = new TextEncoder();
  private readonly scratch = new Uint8Array((SLICE_LENGTH + 1) * 3);
  private held = "";

  /** @param write receives the bytes, which are overwritten after it returns */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  /** Encodes the next piece. Throws LinkageError `invalid-dataset` for a lone surrogate. */
  add(text: string): void {
    for (let from = 0; from < text.length; from += SLICE_LENGTH) {
      const slice = text.slice(from, from + SLICE_LENGTH);
      const last = slice.charCodeAt(slice.length - 1);
      const cutsPair = last >= 0xd800 && last <= 0xdbff;
      this.encode(this.held + (cutsPair ? slice.slice(0, -1) : slice));
      this.held = cutsPair ? slice.slice(-1) : "";
    }
  }

  /** Ends the string. Throws LinkageError `invalid-dataset` if it ends within a surrogate pair. */
  end(): void {
    if (this.held.length > 0) throw loneSurrogate();
  }

  private encode(slice: string): void {
    const { written } = this.encoder.encodeInto(slice, this.scratch);
    // The encoder would silently replace a lone surrogate.
    if (written > slice.length && /\p{Surrogate}/u.test(slice)) throw loneSurrogate();
    this.write(this.scratch.subarray(0, written));
  }
}

function loneSurrogate(): LinkageError {
  const message = "Invalid JSON: it has a lone surrogate, which cannot be encoded as UTF-8.";
  return new LinkageError("invalid-dataset", message, { subject: "JSON" });
}
