import { LRUCache } from "lru-cache";
import type { UploadDatabase } from "../database.js";
import type {
  BlockRows,
  EncodingWriter,
  StoredBlocks,
  StoredEncodings,
  WritableEncodingStore,
} from "../encoding-store.js";
import { ServiceError } from "../errors.js";
import type { ObjectStore } from "../object-store.js";
import { PackedEncodingWriter } from "./packed-encoding-writer.js";
import { missingBlock, PackedFile } from "./packed-file.js";
import { RowRanks } from "./row-ranks.js";

/** The prefix of the names of packed uploads. */
export const PACKED_PREFIX = "packed/";

/** Maximum number of files whose index is cached. */
const OPEN_FILES = 500;

type Objects = Pick<ObjectStore, "putStream" | "byteLengthOf" | "get" | "remove">;
type Uploads = Pick<UploadDatabase, "findUpload" | "addBlocks" | "removeBlocks">;

/** Stores each upload's encodings and blocks in one object; see docs/packed-encodings.md. */
export class PackedEncodingStore implements WritableEncodingStore {
  readonly #objects: Objects;
  readonly #uploads: Uploads;
  readonly #files = new LRUCache<number, PackedFile>({ max: OPEN_FILES });

  constructor(objects: Objects, uploads: Uploads) {
    this.#objects = objects;
    this.#uploads = uploads;
  }

  fileOf(receiptToken: string): string {
    return PACKED_PREFIX + receiptToken;
  }

  async begin(dataproviderId: number, receiptToken: string, byteLength: number): Promise<EncodingWriter> {
    // A process that was killed cannot have removed its blocks.
    await this.#uploads.removeBlocks(dataproviderId);
    this.#files.delete(dataproviderId);
    return new PackedEncodingWriter({
      objects: this.#objects,
      uploads: this.#uploads,
      file: this.fileOf(receiptToken),
      dataproviderId,
      receiptToken,
      byteLength,
    });
  }

  async remove(dataproviderId: number, receiptToken: string): Promise<void> {
    this.#files.delete(dataproviderId);
    await this.#objects.remove([this.fileOf(receiptToken)]);
    const upload = await this.#uploads.findUpload(dataproviderId);
    const isAnothers = upload?.state === "ready" && upload.receiptToken !== receiptToken;
    if (!isAnothers) await this.#uploads.removeBlocks(dataproviderId);
  }

  async readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings> {
    const { dataproviderId, blockId, from, to } = rows;
    for (const number of [dataproviderId, blockId, from, to]) checkWhole(number);
    return this.#read(dataproviderId, byteLength, signal, async (file) => {
      const [block] = await file.findBlocks([blockId], signal);
      const { recordCount, place } = block!;
      const count = Math.min(to, recordCount) - from;
      if (count <= 0) {
        throw new ServiceError("missing-encodings", `Block ${blockId} has no rows from ${from} on.`);
      }
      if (place.kind === "consecutive") return file.readConsecutive(place.firstRow + from, count, signal);
      return file.readRows(await file.readList(place.offset + 4 * from, count, signal), signal);
    });
  }

  async readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks> {
    for (const number of [dataproviderId, ...blockIds]) checkWhole(number);
    return this.#read(dataproviderId, byteLength, signal, async (file) => {
      const positions = Uint32Array.from(blockIds, (_, n) => n).sort((a, b) => blockIds[a]! - blockIds[b]!);
      const entries = await file.findBlocks(
        Array.from(positions, (n) => blockIds[n]!),
        signal,
      );
      const starts = new Uint32Array(blockIds.length + 1);
      entries.forEach(({ recordCount }, n) => {
        starts[positions[n]! + 1] = recordCount;
      });
      for (let b = 0; b < blockIds.length; b++) starts[b + 1]! += starts[b]!;
      const members = new Uint32Array(starts.at(-1)!);
      const lists: { offset: number; count: number; to: number }[] = [];
      entries.forEach(({ blockId, recordCount, place }, n) => {
        if (recordCount === 0) throw missingBlock(blockId);
        const to = starts[positions[n]!]!;
        if (place.kind === "listed") lists.push({ offset: place.offset, count: recordCount, to });
        else for (let i = 0; i < recordCount; i++) members[to + i] = place.firstRow + i;
      });
      lists.sort((a, b) => a.offset - b.offset);
      await file.readLists(lists, members, signal);
      const ranks = new RowRanks(members);
      const records = members.map((row) => ranks.rankOf(row));
      return { ...(await file.readRows(ranks.toRows(), signal)), starts, records };
    });
  }

  async #read<T>(
    dataproviderId: number,
    byteLength: number,
    signal: AbortSignal | undefined,
    read: (file: PackedFile) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const file = this.#files.get(dataproviderId) ?? (await this.#open(dataproviderId, signal));
    if (file.byteLength !== byteLength) {
      const message = `Expected encodings of ${byteLength} bytes, but the stored ones have ${file.byteLength}.`;
      throw new ServiceError("invalid-encodings", message);
    }
    try {
      return await read(file);
    } catch (error) {
      this.#files.delete(dataproviderId); // it may be another file the next time
      throw error;
    }
  }

  async #open(dataproviderId: number, signal: AbortSignal | undefined): Promise<PackedFile> {
    const upload = await this.#uploads.findUpload(dataproviderId);
    if (!upload?.file?.startsWith(PACKED_PREFIX)) {
      const kind = upload ? "packed upload, but another one" : "upload";
      throw new ServiceError("missing-encodings", `Data provider ${dataproviderId} has no ${kind}.`);
    }
    const file = await PackedFile.open(this.#objects, upload.file, signal);
    if (upload.state === "ready") this.#files.set(dataproviderId, file);
    return file;
  }
}

function checkWhole(number: number): void {
  if (Number.isSafeInteger(number) && number >= 0) return;
  throw new ServiceError("invalid-arguments", "An id or row must be a whole number.", {
    subject: "id or row",
  });
}
