// A packed store over an object store and a database in memory, for the contract of encoding stores.
import type { ObjectStore } from "../../src/linkage/object-store.js";
import { PackedEncodingStore } from "../../src/linkage/packed-encodings/packed-encoding-store.js";
import type { OpenedEncodingStore } from "./encoding-store.js";
import { MemoryUploads } from "./memory-uploads.js";

export interface OpenedPackedStore extends OpenedEncodingStore {
  readonly store: PackedEncodingStore;
  readonly uploads: MemoryUploads;
}

let lastDataproviderId = 0;

export function openPackedStore(objects: ObjectStore): OpenedPackedStore {
  const uploads = new MemoryUploads();
  const store = new PackedEncodingStore(objects, uploads);
  const setUpload = (dataproviderId: number, receiptToken: string) => {
    uploads.uploads.set(dataproviderId, {
      receiptToken,
      state: "pending",
      recordCount: 0,
      blockCount: 0,
      encodingSize: undefined,
      file: store.fileOf(receiptToken),
      timeAdded: new Date(),
    });
  };
  return {
    store,
    uploads,
    async addParty(receiptToken) {
      setUpload(++lastDataproviderId, receiptToken);
      return lastDataproviderId;
    },
    async takeOver(dataproviderId, receiptToken) {
      setUpload(dataproviderId, receiptToken);
    },
    async finish(dataproviderId) {
      uploads.uploads.set(dataproviderId, { ...uploads.uploads.get(dataproviderId)!, state: "ready" });
    },
    async blocksOf(dataproviderId) {
      const own = [...uploads.blocks].filter(([, block]) => block.dataproviderId === dataproviderId);
      return new Map(own.map(([id, { name }]) => [name, id]));
    },
    async countStored(dataproviderId, receiptTokens) {
      let count = (await this.blocksOf(dataproviderId)).size;
      for (const token of receiptTokens) {
        if ((await objects.byteLengthOf(store.fileOf(token))) !== undefined) count++;
      }
      return count;
    },
  };
}
