// The layout of a packed upload, described in docs/packed-encodings.md. All numbers are little-endian.
import { ServiceError } from "../errors.js";

/** Stored in the last byte of a file. */
export const VERSION = 1;
const MAGIC = Buffer.from("CLKROWS", "latin1");

/** Bytes of a block's entry in an index page. */
export const ENTRY_LENGTH = 16;
/** Bytes of a page's entry in the page list. */
export const PAGE_LENGTH = 16;
export const TRAILER_LENGTH = 32;

/** The records of a block: listed from a byte offset in the file, or consecutive from a first record index. */
export type BlockPlace =
  | { readonly kind: "listed"; readonly offset: number }
  | { readonly kind: "consecutive"; readonly firstRow: number };

export interface BlockEntry {
  readonly blockId: number;
  readonly recordCount: number;
  readonly place: BlockPlace;
}

/** An index page: the entries of some blocks, whose ids are greater than those of all earlier pages. */
export interface IndexPage {
  readonly firstBlockId: number;
  readonly blockCount: number;
  readonly offset: number;
}

export interface Trailer {
  /** Bytes in one encoding. */
  readonly byteLength: number;
  readonly recordCount: number;
  readonly blockCount: number;
  readonly pageCount: number;
  /** The byte offset of the page list. */
  readonly pagesOffset: number;
}

const LISTED = 0;
const CONSECUTIVE = 1;

/** @param entries by ascending id */
export function encodeEntries(entries: readonly BlockEntry[]): Buffer {
  const bytes = Buffer.alloc(ENTRY_LENGTH * entries.length);
  entries.forEach(({ blockId, recordCount, place }, n) => {
    const at = ENTRY_LENGTH * n;
    bytes.writeUInt32LE(blockId, at);
    bytes.writeUInt32LE(recordCount, at + 4);
    bytes.writeUIntLE(place.kind === "listed" ? place.offset : place.firstRow, at + 8, 6);
    bytes.writeUInt16LE(place.kind === "listed" ? LISTED : CONSECUTIVE, at + 14);
  });
  return bytes;
}

export function blockIdAt(page: Buffer, n: number): number {
  return page.readUInt32LE(ENTRY_LENGTH * n);
}

export function entryAt(page: Buffer, n: number): BlockEntry {
  const at = ENTRY_LENGTH * n;
  const position = page.readUIntLE(at + 8, 6);
  const kind = page.readUInt16LE(at + 14);
  if (kind !== LISTED && kind !== CONSECUTIVE) throw wrongFile(`block kind ${kind} is unknown`);
  return {
    blockId: page.readUInt32LE(at),
    recordCount: page.readUInt32LE(at + 4),
    place:
      kind === LISTED ? { kind: "listed", offset: position } : { kind: "consecutive", firstRow: position },
  };
}

/** The page list, followed by the trailer. */
export function encodeEnd(pages: readonly IndexPage[], trailer: Omit<Trailer, "pageCount">): Buffer {
  const bytes = Buffer.alloc(PAGE_LENGTH * pages.length + TRAILER_LENGTH);
  pages.forEach(({ firstBlockId, blockCount, offset }, n) => {
    const at = PAGE_LENGTH * n;
    bytes.writeUInt32LE(firstBlockId, at);
    bytes.writeUInt32LE(blockCount, at + 4);
    bytes.writeUIntLE(offset, at + 8, 6);
  });
  const at = PAGE_LENGTH * pages.length;
  bytes.writeUIntLE(trailer.pagesOffset, at, 6);
  bytes.writeUInt32LE(pages.length, at + 8);
  bytes.writeUInt32LE(trailer.blockCount, at + 12);
  bytes.writeUInt32LE(trailer.recordCount, at + 16);
  bytes.writeUInt32LE(trailer.byteLength, at + 20);
  bytes.set(MAGIC, at + 24);
  bytes[at + 31] = VERSION;
  return bytes;
}

/**
 * @param end the file's last bytes, {@link TRAILER_LENGTH} or more
 * @param fileLength bytes in the whole file
 * @throws ServiceError `store-failed` if the file is not a packed upload
 */
export function decodeTrailer(end: Buffer, fileLength: number): Trailer {
  if (end.length < TRAILER_LENGTH) throw wrongFile(`its ${end.length} bytes have no trailer`);
  const at = end.length - TRAILER_LENGTH;
  if (!end.subarray(at + 24, at + 31).equals(MAGIC)) throw wrongFile("its signature is missing");
  if (end[at + 31] !== VERSION) throw wrongFile(`its version is ${end[at + 31]}, not ${VERSION}`);
  const trailer: Trailer = {
    pagesOffset: end.readUIntLE(at, 6),
    pageCount: end.readUInt32LE(at + 8),
    blockCount: end.readUInt32LE(at + 12),
    recordCount: end.readUInt32LE(at + 16),
    byteLength: end.readUInt32LE(at + 20),
  };
  const length = trailer.pagesOffset + PAGE_LENGTH * trailer.pageCount + TRAILER_LENGTH;
  if (length !== fileLength) throw wrongFile(`it has ${fileLength} bytes, not ${length}`);
  if (trailer.recordCount * trailer.byteLength > trailer.pagesOffset) {
    throw wrongFile("its page list starts before the end of its rows");
  }
  return trailer;
}

export function decodePages(bytes: Buffer): IndexPage[] {
  return Array.from({ length: bytes.length / PAGE_LENGTH }, (_, n) => ({
    firstBlockId: bytes.readUInt32LE(PAGE_LENGTH * n),
    blockCount: bytes.readUInt32LE(PAGE_LENGTH * n + 4),
    offset: bytes.readUIntLE(PAGE_LENGTH * n + 8, 6),
  }));
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Record indices in the file's format, four bytes each; without a copy on most machines. */
export function encodeRows(rows: Uint32Array): Buffer {
  const bytes = Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength);
  return isLittleEndian ? bytes : Buffer.from(bytes).swap32();
}

/** Converts bytes that were read into `rows` to the byte order of this machine. */
export function decodeRowsInPlace(rows: Uint32Array): void {
  if (!isLittleEndian) Buffer.from(rows.buffer, rows.byteOffset, rows.byteLength).swap32();
}

export function wrongFile(problem: string): ServiceError {
  return new ServiceError("store-failed", `Invalid packed upload: ${problem}.`);
}
