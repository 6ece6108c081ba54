import { describeValue, LinkageError } from "../errors.js";

/** Bytes that arrive in chunks: any async iterable (a Node stream, a generator) or a web stream. Texts are UTF-16 cut anywhere. */
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
    throw new LinkageError(
      "invalid-dataset",
      "stream",
      "an async iterable or a ReadableStream",
      describeValue(stream),
    );
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

/** The error of a chunk that is neither bytes nor, where text is fine, text. */
export function wrongChunk(chunk: unknown, expected: string): LinkageError {
  return new LinkageError("invalid-dataset", "chunk of the stream", expected, describeValue(chunk));
}

/** UTF-16 units encoded at once, so that the scratch memory stays small. */
const SLICE_LENGTH = 1 << 16;

/** Turns a text that comes in pieces, cut anywhere, into UTF-8. */
export class Utf8Pieces {
  private readonly encoder = new TextEncoder();
  private readonly scratch = new Uint8Array((SLICE_LENGTH + 1) * 3);
  private held = "";

  /** @param write takes the bytes; they are overwritten after it returns */
  constructor(private readonly write: (bytes: Uint8Array) => void) {}

  /** Encodes the next piece. Throws LinkageError `invalid-dataset` for half a surrogate pair. */
  add(text: string): void {
    for (let from = 0; from < text.length; from += SLICE_LENGTH) {
      const slice = text.slice(from, from + SLICE_LENGTH);
      const last = slice.charCodeAt(slice.length - 1);
      const cutsPair = last >= 0xd800 && last <= 0xdbff;
      this.encode(this.held + (cutsPair ? slice.slice(0, -1) : slice));
      this.held = cutsPair ? slice.slice(-1) : "";
    }
  }

  /** Ends the text. Throws LinkageError `invalid-dataset` if its last piece ended within a surrogate pair. */
  end(): void {
    if (this.held.length > 0) throw loneSurrogate();
  }

  private encode(slice: string): void {
    const { written } = this.encoder.encodeInto(slice, this.scratch);
    // The encoder would silently replace a single surrogate.
    if (written > slice.length && /\p{Surrogate}/u.test(slice)) throw loneSurrogate();
    this.write(this.scratch.subarray(0, written));
  }
}

function loneSurrogate(): LinkageError {
  return new LinkageError("invalid-dataset", "JSON text", "surrogates in pairs", "a single one");
}
