import { allocateBytes, type ClkDataset, createClkDataset } from "./clk-dataset.js";
import { encodeBase64 } from "./clk-reading/base64.js";
import { ByteSegments } from "./clk-reading/byte-segments.js";
import { type ByteStream, chunksOf, Utf8Pieces, wrongChunk } from "./clk-reading/byte-stream.js";
import { ClkCollector, type ClkInput } from "./clk-reading/clk-collector.js";
import { ClkJsonReader } from "./clk-reading/clk-json-reader.js";
import {
  type ClkLimits,
  checkClkLimits,
  type ReadClksOptions,
  tooManyRecords,
} from "./clk-reading/clk-limits.js";
import { readObject } from "./clk-reading/clk-object-reader.js";
import { describeValue, LinkageError, wrongValue } from "./errors.js";
import { type JsonHandler, JsonScanner } from "./json/json-scanner.js";
import { skippedText } from "./json/json-text-sink.js";

export type { ByteStream } from "./clk-reading/byte-stream.js";
export type { ClkInput } from "./clk-reading/clk-collector.js";
export type { ReadClksOptions } from "./clk-reading/clk-limits.js";

/**
 * Reads CLKs from JavaScript values: an array of rows, or an object as returned by JSON.parse, `{clks: [row, …]}`,
 * `{clknblocks: [[base64, block, …], …]}` or `{encodings: [row, …], blocks?: {"0": [block, …], …}}`; other keys are
 * ignored.
 *
 * A row is base64 (padded; whitespace is tolerated) or a Uint8Array. A block is a string or an integer; 1 and `"1"` are
 * the same. `blocks` may also be an array with one array of blocks per row. Rows that it does not list are in no block.
 * `blocks` may also accompany `clks`.
 *
 * @throws LinkageError `invalid-dataset` if the data as a whole is invalid, InvalidRowsError for individual invalid
 *   rows
 */
export function readClkObject(value: unknown, options?: ReadClksOptions): ClkInput {
  return readObject(value, checkClkLimits(options));
}

/**
 * Reads CLKs from JSON text: the shapes of {@link readClkObject}, with rows in base64. Strict, except that a byte order
 * mark is allowed. Stricter than JSON.parse in two ways: a key that holds data may occur only once, and surrogates must
 * be paired. Integer block names may be of any size.
 *
 * @param text a string, or UTF-8 bytes
 * @throws LinkageError `invalid-dataset`, for syntax errors with the byte offset; InvalidRowsError for individual
 *   invalid rows
 */
export function readClkJson(text: string | Uint8Array, options?: ReadClksOptions): ClkInput {
  const limits = checkClkLimits(options);
  const rows = new ClkCollector(limits);
  const json = new JsonScanner(new ClkJsonReader(limits, rows), limits.maxDepth);
  if (typeof text === "string") {
    const pieces = new Utf8Pieces((bytes) => json.write(bytes));
    pieces.add(text);
    pieces.end();
  } else if (text instanceof Uint8Array) json.write(text);
  else throw wrongValue("invalid-dataset", "JSON", "a string or a Uint8Array", describeValue(text));
  json.end();
  return rows.finish();
}

/**
 * Reads CLKs from a stream of JSON text, as {@link readClkJson} does. Memory: about twice the CLKs and the block
 * memberships, regardless of the length of the text. Chunks may be split anywhere. On an error the stream is canceled;
 * errors of the stream itself are passed on.
 */
export async function readClkJsonStream(stream: ByteStream, options?: ReadClksOptions): Promise<ClkInput> {
  const limits = checkClkLimits(options);
  const rows = new ClkCollector(limits);
  const json = new JsonScanner(new ClkJsonReader(limits, rows), limits.maxDepth);
  const pieces = new Utf8Pieces((bytes) => json.write(bytes));
  for await (const chunk of chunksOf(stream)) {
    if (typeof chunk === "string") pieces.add(chunk);
    else if (chunk instanceof Uint8Array) {
      pieces.end();
      json.write(chunk);
    } else throw wrongChunk(chunk, "a Uint8Array or a string");
  }
  pieces.end();
  json.end();
  return rows.finish();
}

/**
 * Reads packed CLKs: their bytes back to back, without a header. The bytes are copied; to use them in place, see
 * createClkDataset.
 *
 * @param source an ArrayBuffer, or any view of one; a typed array of wider numbers is read as its bytes in memory
 * @param options `byteLength` is required
 * @throws LinkageError `invalid-dataset`
 */
export function readClkBytes(
  source: ArrayBufferLike | ArrayBufferView,
  options: ReadClksOptions & { readonly byteLength: number },
): ClkInput {
  const limits = checkClkLimits(options);
  const byteLength = requireByteLength(limits);
  const view = bytesOf(source);
  if (view.length > limits.maxRecords * byteLength) throw tooManyRecords(limits);
  const bytes = allocateBytes(view.length);
  bytes.set(view);
  return { dataset: createClkDataset(bytes, byteLength) };
}

/** Reads packed CLKs from a stream of bytes, split anywhere: see {@link readClkBytes}. */
export async function readClkByteStream(
  stream: ByteStream,
  options: ReadClksOptions & { readonly byteLength: number },
): Promise<ClkInput> {
  const limits = checkClkLimits(options);
  const byteLength = requireByteLength(limits);
  const segments = new ByteSegments();
  for await (const chunk of chunksOf(stream)) {
    if (!(chunk instanceof Uint8Array)) throw wrongChunk(chunk, "a Uint8Array");
    segments.append(chunk);
    if (segments.length > limits.maxRecords * byteLength) throw tooManyRecords(limits);
  }
  return { dataset: createClkDataset(segments.join(), byteLength) };
}

function requireByteLength(limits: ClkLimits): number {
  if (limits.byteLength !== undefined) return limits.byteLength;
  const message = "byteLength is required: packed CLKs do not carry it.";
  throw new LinkageError("invalid-option", message, { subject: "byteLength" });
}

function bytesOf(source: ArrayBufferLike | ArrayBufferView): Uint8Array {
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  const isShared = typeof SharedArrayBuffer === "function" && source instanceof SharedArrayBuffer;
  if (isShared || source instanceof ArrayBuffer) return new Uint8Array(source);
  const expected = "an ArrayBuffer or a view of one";
  throw wrongValue("invalid-dataset", "Packed CLKs", expected, describeValue(source));
}

/** Accepts any JSON and ignores it. */
const noopHandler: JsonHandler = {
  openObject: () => {},
  closeObject: () => {},
  openArray: () => {},
  closeArray: () => {},
  beginKey: () => skippedText,
  endKey: () => {},
  beginString: () => skippedText,
  endString: () => {},
  beginNumber: () => skippedText,
  endNumber: () => {},
  literal: () => {},
};

/**
 * Guesses from a file's first bytes (64 or more are reliable) whether it is JSON text or packed CLKs. It is JSON if
 * these bytes begin an array or an object and have no syntax error: a CLK may begin with `[` or `{`, but hardly ever
 * continues as valid JSON.
 */
export function detectFormat(firstBytes: Uint8Array): "json" | "binary" {
  const start = firstBytes[0] === 0xef && firstBytes[1] === 0xbb && firstBytes[2] === 0xbf ? 3 : 0;
  const first = firstBytes.subarray(start).find((byte) => ![0x20, 0x09, 0x0a, 0x0d].includes(byte));
  if (first !== 0x5b && first !== 0x7b) return "binary";
  try {
    new JsonScanner(noopHandler, 1024).write(firstBytes);
    return "json";
  } catch {
    return "binary";
  }
}

/** The CLKs of a data set as base64, in row order. */
export function toBase64Array(dataset: ClkDataset): string[] {
  const { bytes, recordCount, byteLength } = dataset;
  const rows: string[] = [];
  for (let row = 0; row < recordCount; row++) {
    rows.push(encodeBase64(bytes, row * byteLength, (row + 1) * byteLength));
  }
  return rows;
}

/** A copy of a data set's packed CLKs, in memory that is not shared: suitable for files and requests. */
export function toBinary(dataset: ClkDataset): Uint8Array<ArrayBuffer> {
  return new Uint8Array(dataset.bytes);
}
