import { allocateBytes, createClkDataset } from "../../core/clk-dataset.js";
import type { StoredEncodings } from "../encoding-store.js";
import { ServiceError } from "../errors.js";
import { missingObject } from "../object-names.js";
import type { ObjectStore } from "../object-store.js";
import {
  type BlockEntry,
  blockIdAt,
  decodePages,
  decodeRowsInPlace,
  decodeTrailer,
  ENTRY_LENGTH,
  entryAt,
  type IndexPage,
  PAGE_LENGTH,
  TRAILER_LENGTH,
  wrongFile,
} from "./layout.js";
import { type Pieces, readPieces } from "./read-pieces.js";

/** Bytes at the end of a file that are read when it is opened; without blocking, they hold the whole index. */
const END_BYTE_LENGTH = 2 ** 14;
/** Maximum number of index pages in memory at once. */
const PAGES_AT_ONCE = 64;

type Objects = Pick<ObjectStore, "byteLengthOf" | "get">;

/** A packed upload opened for reading. Memory: the page list (16 bytes per 16,384 blocks), and 16 KiB. */
export class PackedFile {
  private constructor(
    readonly name: string,
    private readonly objects: Objects,
    /** Bytes in one encoding. */
    readonly byteLength: number,
    readonly recordCount: number,
    private readonly pages: readonly IndexPage[],
    /** The last bytes before the page list, and their offset. */
    private readonly end: Buffer,
    private readonly endOffset: number,
  ) {}

  /** @throws ServiceError `missing-object`, `store-failed` */
  static async open(objects: Objects, name: string, signal?: AbortSignal): Promise<PackedFile> {
    const fileLength = await objects.byteLengthOf(name);
    if (fileLength === undefined) throw missingObject(name);
    const endOffset = Math.max(0, fileLength - END_BYTE_LENGTH);
    let end = await readPart(objects, name, endOffset, fileLength - endOffset, signal);
    const { byteLength, recordCount, pageCount, pagesOffset } = decodeTrailer(end, fileLength);
    const listLength = pageCount * PAGE_LENGTH;
    let list: Buffer;
    if (pagesOffset >= endOffset) {
      list = end.subarray(pagesOffset - endOffset, end.length - TRAILER_LENGTH);
      end = end.subarray(0, pagesOffset - endOffset);
    } else {
      list = await readPart(objects, name, pagesOffset, listLength, signal);
      end = Buffer.alloc(0);
    }
    return new PackedFile(name, objects, byteLength, recordCount, decodePages(list), end, endOffset);
  }

  /**
   * Finds the entries of blocks, in the order of their ids.
   *
   * @param blockIds ascending, each once
   * @throws ServiceError `missing-encodings` if a block does not exist
   */
  async findBlocks(blockIds: readonly number[], signal?: AbortSignal): Promise<BlockEntry[]> {
    const pages = this.#pagesOf(blockIds);
    const found: BlockEntry[] = [];
    for (let from = 0; from < pages.length; from += PAGES_AT_ONCE) {
      for (const page of await this.#readPages(pages.slice(from, from + PAGES_AT_ONCE), signal)) {
        const count = page.length / ENTRY_LENGTH;
        for (let n = 0; n < count && found.length < blockIds.length; n++) {
          const blockId = blockIdAt(page, n);
          if (blockId > blockIds[found.length]!) throw missingBlock(blockIds[found.length]!);
          if (blockId === blockIds[found.length]) found.push(entryAt(page, n));
        }
      }
    }
    if (found.length < blockIds.length) throw missingBlock(blockIds[found.length]!);
    return found;
  }

  /** The encodings of these records. @param rows ascending, each once */
  async readRows(rows: Uint32Array, signal?: AbortSignal): Promise<StoredEncodings> {
    const { byteLength } = this;
    if (rows.length > 0 && rows.at(-1)! >= this.recordCount) throw missingRows();
    const bytes = allocateBytes(rows.length * byteLength);
    const pieces: Pieces = {
      count: rows.length,
      offsetOf: (n) => rows[n]! * byteLength,
      byteLengthOf: () => byteLength,
    };
    const put = (n: number, at: number, piece: Uint8Array) => bytes.set(piece, n * byteLength + at);
    await readPieces(this.objects, this.name, pieces, put, signal);
    return { dataset: createClkDataset(bytes, byteLength), entityIds: rows };
  }

  /** Reads the encodings of consecutive records in one request. */
  async readConsecutive(firstRow: number, count: number, signal?: AbortSignal): Promise<StoredEncodings> {
    const { byteLength } = this;
    if (firstRow + count > this.recordCount) throw missingRows();
    const bytes = allocateBytes(count * byteLength);
    const pieces: Pieces = {
      count: 1,
      offsetOf: () => firstRow * byteLength,
      byteLengthOf: () => bytes.length,
    };
    await readPieces(this.objects, this.name, pieces, (_, at, piece) => bytes.set(piece, at), signal);
    const entityIds = Uint32Array.from({ length: count }, (_, n) => firstRow + n);
    return { dataset: createClkDataset(bytes, byteLength), entityIds };
  }

  /** Reads the record list of a block. @param offset in the file */
  async readList(offset: number, count: number, signal?: AbortSignal): Promise<Uint32Array> {
    const rows = new Uint32Array(count);
    await this.readLists([{ offset, count, to: 0 }], rows, signal);
    return rows;
  }

  /**
   * Reads the record lists of many blocks, each into `rows` from `to` on.
   *
   * @param lists by ascending offset
   */
  async readLists(
    lists: readonly { readonly offset: number; readonly count: number; readonly to: number }[],
    rows: Uint32Array,
    signal?: AbortSignal,
  ): Promise<void> {
    const target = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const pieces: Pieces = {
      count: lists.length,
      offsetOf: (n) => lists[n]!.offset,
      byteLengthOf: (n) => 4 * lists[n]!.count,
    };
    const put = (n: number, at: number, piece: Uint8Array) => target.set(piece, 4 * lists[n]!.to + at);
    await readPieces(this.objects, this.name, pieces, put, signal);
    for (const { to, count } of lists) decodeRowsInPlace(rows.subarray(to, to + count));
  }

  /** The pages that may contain some of the blocks. */
  #pagesOf(blockIds: readonly number[]): IndexPage[] {
    const pages: IndexPage[] = [];
    let n = 0;
    this.pages.forEach((page, p) => {
      const behind = this.pages[p + 1]?.firstBlockId ?? Number.POSITIVE_INFINITY;
      const first = n;
      while (n < blockIds.length && blockIds[n]! < behind) n++;
      if (n > first) pages.push(page);
    });
    return pages;
  }

  async #readPages(pages: readonly IndexPage[], signal: AbortSignal | undefined): Promise<Buffer[]> {
    const buffers = pages.map(({ blockCount }) => Buffer.alloc(ENTRY_LENGTH * blockCount));
    if (pages[0]!.offset >= this.endOffset && this.end.length > 0) {
      for (const [n, { offset }] of pages.entries()) this.end.copy(buffers[n]!, 0, offset - this.endOffset);
      return buffers;
    }
    const pieces: Pieces = {
      count: pages.length,
      offsetOf: (n) => pages[n]!.offset,
      byteLengthOf: (n) => buffers[n]!.length,
    };
    await readPieces(
      this.objects,
      this.name,
      pieces,
      (n, at, piece) => void buffers[n]!.set(piece, at),
      signal,
    );
    return buffers;
  }
}

export function missingBlock(blockId: number): ServiceError {
  return new ServiceError("missing-encodings", `Block ${blockId} has no rows.`);
}

function missingRows(): ServiceError {
  return wrongFile("a block has rows that do not exist");
}

async function readPart(
  objects: Objects,
  name: string,
  from: number,
  byteLength: number,
  signal: AbortSignal | undefined,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of objects.get(name, { from, byteLength }, signal)) chunks.push(chunk);
  const part = Buffer.concat(chunks);
  if (part.length !== byteLength) throw wrongFile(`only ${part.length} of ${byteLength} bytes were read`);
  return part;
}
