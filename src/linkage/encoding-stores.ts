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

/** Maximum number of parties whose store is cached. */
const REMEMBERED = 10_000;

export interface EncodingStoresOptions {
  readonly tables: WritableEncodingStore;
  readonly packed: WritableEncodingStore;
  readonly uploads: Pick<UploadDatabase, "findUpload">;
  /** The store for new uploads. */
  readonly writesTo: "tables" | "packed";
}

/** Combines both stores: new uploads go to one of them, each party's encodings are read from where its upload is. */
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

  /** From both stores: the setting for new uploads may have changed since this one. */
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
    if (upload?.state === "ready") this.#known.set(dataproviderId, store); // final for a ready upload
    return store;
  }
}
