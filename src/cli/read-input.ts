import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import {
  type ClkInput,
  detectFormat,
  InvalidRowsError,
  LinkageError,
  readClkByteStream,
  readClkJsonStream,
} from "../library/node.js";
import { UsageError } from "./usage-error.js";

/** The name of standard input among files. */
export const STDIN = "-";

/** How much of a file tells what it is. */
const PREFIX_BYTES = 4096;
/** Widths that a hint about raw files proposes, the usual ones first. */
const USUAL_BYTE_LENGTHS = [128, 64, 256, 512, 32];
/** Wrong rows that a message lists. */
const LISTED_ROWS = 5;

/**
 * Reads CLKs from a file or from standard input, whatever they are: JSON in any of its forms, or raw rows; either may
 * be gzip-compressed. The text is never whole in memory.
 *
 * @param byteLength bytes of a CLK; raw rows need it
 * @throws UsageError one sentence about what is wrong with the input
 */
export async function readInput(file: string, byteLength: number | undefined): Promise<ClkInput> {
  const name = file === STDIN ? "standard input" : file;
  try {
    const source = file === STDIN ? process.stdin : await openFile(file);
    return await readContent(source, byteLength);
  } catch (error) {
    throw await explain(file, name, error, byteLength);
  }
}

async function openFile(file: string): Promise<AsyncIterable<Uint8Array>> {
  if ((await stat(file)).isDirectory()) throw new UsageError("is a folder, not a file of CLKs");
  return createReadStream(file, { highWaterMark: 2 ** 18 });
}

async function readContent(
  source: AsyncIterable<Uint8Array>,
  byteLength: number | undefined,
): Promise<ClkInput> {
  const packed = await peek(source);
  if (packed.prefix[0] !== 0x1f || packed.prefix[1] !== 0x8b) return readPlain(packed, byteLength);
  const gunzip = createGunzip();
  pipeline(packed.all, gunzip, () => {}); // an error of either side ends the iteration of gunzip, which reports it
  return readPlain(await peek(gunzip), byteLength);
}

function readPlain({ prefix, all }: Peeked, byteLength: number | undefined): Promise<ClkInput> {
  if (prefix.length === 0) throw new UsageError("is empty");
  if (looksLikeJson(prefix)) return readClkJsonStream(all, byteLength === undefined ? {} : { byteLength });
  if (byteLength === undefined)
    throw new UsageError("holds raw bytes: say with --byte-length how many make a CLK");
  return readClkByteStream(all, { byteLength });
}

/** JSON, or text that means to be JSON: a message about its syntax then helps more than one about raw bytes. */
function looksLikeJson(prefix: Uint8Array): boolean {
  if (detectFormat(prefix) === "json") return true;
  const text = new TextDecoder().decode(prefix);
  return /^\s*[[{]/.test(text) && ![...text].some((character) => character === "\ufffd" || character < "\t");
}

interface Peeked {
  readonly prefix: Uint8Array;
  /** The whole stream, the prefix included. */
  readonly all: AsyncIterable<Uint8Array>;
}

/** Reads the beginning of a stream without taking it away. */
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

/** Turns what reading can throw into one sentence that begins with the input's name. */
async function explain(
  file: string,
  name: string,
  error: unknown,
  byteLength: number | undefined,
): Promise<unknown> {
  if (error instanceof UsageError) {
    const hint =
      byteLength === undefined && error.message.startsWith("holds raw") ? await widthHint(file) : "";
    return new UsageError(`${name} ${error.message}${hint}`);
  }
  if (error instanceof InvalidRowsError) {
    const listed = error.rows.slice(0, LISTED_ROWS).map(({ row, reason }) => `row ${row}: ${reason}`);
    const others =
      error.invalidCount > listed.length ? `; and ${error.invalidCount - listed.length} more` : "";
    return new UsageError(`${name} has ${error.invalidCount} wrong rows (${listed.join("; ")}${others})`);
  }
  if (error instanceof LinkageError) return new UsageError(`${name}: ${error.message}`);
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOENT") return new UsageError(`${name} does not exist`);
  if (code === "EACCES" || code === "EPERM") return new UsageError(`${name} may not be read`);
  if (code?.startsWith("Z_")) return new UsageError(`${name} is damaged: its gzip data cannot be unpacked`);
  return error;
}

/** The usual widths that the size of a raw file allows. */
async function widthHint(file: string): Promise<string> {
  if (file === STDIN) return "";
  const { size } = await stat(file);
  const widths = USUAL_BYTE_LENGTHS.filter((width) => size % width === 0);
  return widths.length === 0 ? "" : ` (its ${size} bytes would fit ${widths.join(", ")})`;
}
