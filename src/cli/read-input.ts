import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import {
  type ClkInput,
  detectFormat,
  InvalidRowsError,
  LinkageError,
  readClkByteStream,
  readClkJsonStream,
} from "../library/node.js";
import { fileProblem } from "./file-problem.js";
import { UsageError } from "./usage-error.js";

/** The file name that means standard input. */
export const STDIN = "-";

/** Bytes of a file that are read to detect its format. */
const PREFIX_BYTES = 4096;
/** Widths that a hint about raw files suggests, the most common first. */
const USUAL_BYTE_LENGTHS = [128, 64, 256, 512, 32];
/** Maximum number of invalid records listed in a message. */
const LISTED_ROWS = 5;

/**
 * Reads CLKs from a file or from standard input in any format: JSON in any of its forms, or raw bytes; both may be
 * gzip-compressed. The text is never in memory as a whole.
 *
 * @param byteLength bytes in a CLK; required for raw bytes
 * @param signal stops reading
 * @throws UsageError one sentence about what is wrong with the input; or the signal's reason
 */
export async function readInput(
  file: string,
  byteLength: number | undefined,
  signal?: AbortSignal,
): Promise<ClkInput> {
  let source: Source | undefined;
  try {
    source = file === STDIN ? { stream: process.stdin, size: undefined } : await openFile(file);
    if (signal !== undefined) addAbortSignal(signal, source.stream);
    return await readContent(source, byteLength);
  } catch (error) {
    signal?.throwIfAborted();
    throw explain(inputName(file), error);
  } finally {
    source?.stream.destroy(); // a stream that is not read to its end would keep the process alive
  }
}

/** The name of an input in messages. */
export function inputName(file: string): string {
  return file === STDIN ? "standard input" : file;
}

interface Source {
  readonly stream: Readable;
  /** In bytes, if known before reading. */
  readonly size: number | undefined;
}

async function openFile(file: string): Promise<Source> {
  const stats = await stat(file);
  if (stats.isDirectory()) throw new UsageError("is a folder, not a file of CLKs");
  const stream = createReadStream(file, { highWaterMark: 2 ** 18 });
  return { stream, size: stats.isFile() ? stats.size : undefined };
}

async function readContent({ stream, size }: Source, byteLength: number | undefined): Promise<ClkInput> {
  const packed = await peek(stream);
  if (packed.prefix[0] !== 0x1f || packed.prefix[1] !== 0x8b) return readPlain(packed, size, byteLength);
  const gunzip = createGunzip();
  pipeline(packed.all, gunzip, () => {}); // iterating gunzip reports an error of either stream
  return readPlain(await peek(gunzip), undefined, byteLength);
}

function readPlain(
  { prefix, all }: Peeked,
  size: number | undefined,
  byteLength: number | undefined,
): Promise<ClkInput> {
  if (prefix.length === 0) throw new UsageError("is empty");
  if (looksLikeJson(prefix)) return readClkJsonStream(all, byteLength === undefined ? {} : { byteLength });
  if (byteLength === undefined) {
    throw new UsageError(`holds raw bytes; set --byte-length to the bytes per CLK${widthHint(size)}`);
  }
  return readClkByteStream(all, { byteLength });
}

/** Whether it is JSON, or an attempt at it: an error about its syntax is then more helpful than one about raw bytes. */
function looksLikeJson(prefix: Uint8Array): boolean {
  if (detectFormat(prefix) === "json") return true;
  const text = new TextDecoder().decode(prefix, { stream: true }); // may end within a character
  return /^\s*[[{]/.test(text) && ![...text].some((character) => character === "\ufffd" || character < "\t");
}

interface Peeked {
  readonly prefix: Uint8Array;
  /** The whole stream, including the prefix. */
  readonly all: AsyncIterable<Uint8Array>;
}

/** Reads the beginning of a stream without consuming it. */
async function peek(source: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const chunks = source[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let length = 0;
  while (length < PREFIX_BYTES) {
    const next = await chunks.next();
    if (next.done) break;
    first.push(next.value);
    length += next.value.length;
  }
  async function* all() {
    yield* first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  }
  return { prefix: Buffer.concat(first).subarray(0, PREFIX_BYTES), all: all() };
}

/** Converts any error of reading to one sentence that starts with the input's name. */
function explain(name: string, error: unknown): unknown {
  if (error instanceof UsageError) return new UsageError(`${name} ${error.message}.`);
  if (error instanceof InvalidRowsError) {
    const listed = error.rows.slice(0, LISTED_ROWS).map(({ row, reason }) => `row ${row}: ${reason}`);
    const others =
      error.invalidCount > listed.length ? `; and ${error.invalidCount - listed.length} more` : "";
    const rows = error.invalidCount === 1 ? "an invalid row" : `${error.invalidCount} invalid rows`;
    return new UsageError(`${name} has ${rows} (${listed.join("; ")}${others}).`);
  }
  if (error instanceof LinkageError) return new UsageError(`${name}: ${error.message}`);
  if ((error as NodeJS.ErrnoException).code?.startsWith("Z_"))
    return new UsageError(`${name} is damaged: its gzip data cannot be decompressed.`);
  const problem = fileProblem(error);
  return problem === undefined ? error : new UsageError(`${name} ${problem}.`);
}

/** The common widths that fit the size of a raw file. */
function widthHint(size: number | undefined): string {
  if (size === undefined) return "";
  const widths = USUAL_BYTE_LENGTHS.filter((width) => size % width === 0);
  return widths.length === 0 ? "" : ` (its ${size} bytes would fit ${widths.join(", ")})`;
}
