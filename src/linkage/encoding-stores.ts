import { LRUCache } from "lru-cache";
import type { UploadDatabase } from "./database.js";
import type {
  BlockRows,
  EncodingStore,
  EncodingWriter,
  StoredBlocks,
  StoredEncodings,
  WritableEncodingStore,
} from "./encoding-store.js";
import { PACKED_PREFIX } from "./packed-encodings/packed-encoding-store.js";

/** Data providers whose store is remembered. */
const REMEMBERED = 10_000;

export interface EncodingStoresOptions {
  readonly tables: WritableEncodingStore;
  readonly packed: WritableEncodingStore;
  readonly uploads: Pick<UploadDatabase, "findUpload">;
  /** Where new uploads go. */
  readonly writesTo: "tables" | "packed";
}

/** Both stores as one: new uploads go to one of them, and each party's encodings are read where its upload says. */
export class EncodingStores implements WritableEncodingStore {
  readonly #options: EncodingStoresOptions;
  readonly #known = new LRUCache<number, EncodingStore>({ max: REMEMBERED });

  constructor(options: EncodingStoresOptions) {
    this.#options = options;
  }

  fileOf(receiptToken: string): string | undefined {
    return this.#written.fileOf(receiptToken);
  }

  begin(dataproviderId: number, receiptToken: string, byteLength: number): Promise<EncodingWriter> {
    this.#known.delete(dataproviderId);
    return this.#written.begin(dataproviderId, receiptToken, byteLength);
  }

  /** From both stores: the one that new uploads go to may have been the other when this one came. */
  async remove(dataproviderId: number, receiptToken: string): Promise<void> {
    this.#known.delete(dataproviderId);
    await this.#options.tables.remove(dataproviderId, receiptToken);
    await this.#options.packed.remove(dataproviderId, receiptToken);
  }

  async readRange(rows: BlockRows, byteLength: number, signal?: AbortSignal): Promise<StoredEncodings> {
    return (await this.#storeOf(rows.dataproviderId)).readRange(rows, byteLength, signal);
  }

  async readBlocks(
    dataproviderId: number,
    blockIds: readonly number[],
    byteLength: number,
    signal?: AbortSignal,
  ): Promise<StoredBlocks> {
    const store = await this.#storeOf(dataproviderId);
    return store.readBlocks(dataproviderId, blockIds, byteLength, signal);
  }

  get #written(): WritableEncodingStore {
    return this.#options[this.#options.writesTo];
  }

  async #storeOf(dataproviderId: number): Promise<EncodingStore> {
    const known = this.#known.get(dataproviderId);
    if (known !== undefined) return known;
    const { tables, packed, uploads } = this.#options;
    const upload = await uploads.findUpload(dataproviderId);
    const store = upload?.file?.startsWith(PACKED_PREFIX) ? packed : tables;
    if (upload?.state === "ready") this.#known.set(dataproviderId, store); // which never changes any more
    return store;
  }
}
