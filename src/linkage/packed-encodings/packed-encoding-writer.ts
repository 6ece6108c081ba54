import { MAX_RECORD_COUNT } from "../../core/clk-dataset.js";
import { type BlockBatch, batchBlocks } from "../block-batches.js";
import type { UploadDatabase } from "../database.js";
import type { BlockMembers, EncodingWriter } from "../encoding-store.js";
import { ServiceError } from "../errors.js";
import type { ObjectStore } from "../object-store.js";
import { type BlockEntry, encodeEnd, encodeEntries, encodeRows, type IndexPage } from "./layout.js";
import { ListedRows } from "./listed-rows.js";
import { PushedBytes } from "./pushed-bytes.js";

/** Lists of record indices are sent in pieces of this many bytes. */
const OUTPUT_BYTE_LENGTH = 2 ** 18;

/** The destination of a packed upload. */
export interface PackedTarget {
  readonly objects: Pick<ObjectStore, "putStream" | "remove">;
  readonly uploads: Pick<UploadDatabase, "findUpload" | "addBlocks" | "removeBlocks">;
  readonly file: string;
  readonly dataproviderId: number;
  readonly receiptToken: string;
  /** Bytes in one encoding. */
  readonly byteLength: number;
}

/**
 * Streams an upload into one file, which becomes visible when it is complete. Blocks are added to the database shortly
 * before that; readers only use uploads that are ready.
 */
export class PackedEncodingWriter implements EncodingWriter {
  readonly #target: PackedTarget;
  readonly #pushed = new PushedBytes();
  readonly #controller = new AbortController();
  readonly #stored: Promise<void>;
  #offset = 0;
  readonly #output = Buffer.alloc(OUTPUT_BYTE_LENGTH);
  #outputLength = 0;
  #mayHaveBlocks = false;

  constructor(target: PackedTarget) {
    this.#target = target;
    this.#stored = target.objects.putStream(target.file, this.#pushed, this.#controller.signal);
    // The caller of `push` gets the error.
    this.#stored.catch((error: unknown) => this.#pushed.fail(error));
  }

  async write(rows: Uint8Array): Promise<void> {
    const { byteLength } = this.#target;
    if (rows.length % byteLength !== 0) {
      const message = `Encodings must be whole rows of ${byteLength} bytes, not ${rows.length} bytes.`;
      throw new ServiceError("invalid-arguments", message, { subject: "encodings" });
    }
    if ((this.#offset + rows.length) / byteLength > MAX_RECORD_COUNT) {
      const message = `An upload must have at most ${MAX_RECORD_COUNT} rows.`;
      throw new ServiceError("invalid-arguments", message, { subject: "encodings" });
    }
    this.#offset += rows.length;
    await this.#pushed.push(rows);
  }

  async commit(blocks: AsyncIterable<BlockMembers>): Promise<{ readonly blockCount: number }> {
    const { byteLength } = this.#target;
    const recordCount = this.#offset / byteLength;
    const pages: IndexPage[] = [];
    let blockCount = 0;
    let lastBlockId = -1;
    for await (const batch of batchBlocks(blocks, recordCount)) {
      const page = await this.#writeBatch(batch);
      if (page.firstBlockId <= lastBlockId) {
        throw new ServiceError("store-failed", "The ids of new blocks do not ascend from call to call.");
      }
      pages.push(page);
      lastBlockId = page.lastBlockId;
      blockCount += batch.blocks.length;
    }
    const trailer = { byteLength, recordCount, blockCount, pagesOffset: this.#offset };
    await this.#send(encodeEnd(pages, trailer));
    await this.#flush();
    this.#pushed.end();
    await this.#stored;
    return { blockCount };
  }

  async abort(): Promise<void> {
    const reason = new Error("The upload was aborted.");
    this.#pushed.fail(reason);
    this.#controller.abort(reason);
    await this.#stored.catch(() => {});
    const { objects, uploads, file, dataproviderId, receiptToken } = this.#target;
    await objects.remove([file]).catch(() => {});
    if (!this.#mayHaveBlocks) return;
    try {
      // An upload that has taken over the slot has removed our blocks, and may have added its own.
      const upload = await uploads.findUpload(dataproviderId);
      if (upload === undefined || upload.receiptToken === receiptToken) {
        await uploads.removeBlocks(dataproviderId);
      }
    } catch {
      // The next upload of the party removes them.
    }
  }

  /** Writes the record lists of the blocks, followed by the page that locates them. */
  async #writeBatch({ blocks, pieces }: BlockBatch): Promise<IndexPage & { readonly lastBlockId: number }> {
    const { uploads, dataproviderId, receiptToken } = this.#target;
    this.#mayHaveBlocks = true;
    const blockIds = await uploads.addBlocks(dataproviderId, receiptToken, blocks);
    const entries: BlockEntry[] = [];
    let list: ListedRows | undefined;
    for await (const { index, rows } of pieces) {
      list ??= new ListedRows(this.#offset);
      for (const listed of list.add(rows)) await this.#send(encodeRows(listed));
      const { recordCount } = blocks[index]!;
      if (list.recordCount < recordCount) continue;
      entries.push({ blockId: blockIds[index]!, recordCount, place: list.place });
      list = undefined;
    }
    entries.sort((a, b) => a.blockId - b.blockId);
    const offset = this.#offset;
    await this.#send(encodeEntries(entries));
    const [firstBlockId, lastBlockId] = [entries[0]!.blockId, entries.at(-1)!.blockId];
    return { firstBlockId, lastBlockId, blockCount: entries.length, offset };
  }

  async #send(bytes: Uint8Array): Promise<void> {
    this.#offset += bytes.length;
    if (this.#outputLength + bytes.length > OUTPUT_BYTE_LENGTH) await this.#flush();
    if (bytes.length > OUTPUT_BYTE_LENGTH) return this.#pushed.push(bytes);
    this.#output.set(bytes, this.#outputLength);
    this.#outputLength += bytes.length;
  }

  async #flush(): Promise<void> {
    await this.#pushed.push(this.#output.subarray(0, this.#outputLength));
    this.#outputLength = 0;
  }
}
