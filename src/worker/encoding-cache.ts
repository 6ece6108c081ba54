import { LRUCache } from "lru-cache";
import type { BlockRows, StoredEncodings } from "../linkage/encoding-store.js";
import { unlessAborted } from "../linkage/unless-aborted.js";

/** Reads encodings that are not in the cache. The signal aborts when no one waits for them anymore. */
export type LoadEncodings = (signal: AbortSignal) => Promise<StoredEncodings>;

interface Load {
  readonly encodings: Promise<StoredEncodings>;
  readonly controller: AbortController;
  waiting: number;
}

/**
 * The most recently used encodings, up to a number of bytes: chunks of one block come one after the other and share
 * their sides. Tasks that request the same rows at the same time share one load, which continues until the last of them
 * has given up. A failed load is not kept.
 */
export class EncodingCache {
  readonly #kept: LRUCache<string, StoredEncodings> | undefined;
  readonly #loads = new Map<string, Load>();

  /** @param maxByteLength maximum number of bytes to keep, whole number; 0 keeps nothing */
  constructor(maxByteLength: number) {
    if (maxByteLength > 0) {
      this.#kept = new LRUCache({ maxSize: maxByteLength, sizeCalculation: byteLengthOf });
    }
  }

  /** Bytes currently kept. */
  get byteLength(): number {
    return this.#kept?.calculatedSize ?? 0;
  }

  /**
   * Returns the encodings of these rows, from memory or by `load`.
   *
   * @param byteLength bytes in one encoding
   * @throws what `load` throws, or the signal's reason
   */
  async get(
    rows: BlockRows,
    byteLength: number,
    load: LoadEncodings,
    signal?: AbortSignal,
  ): Promise<StoredEncodings> {
    signal?.throwIfAborted();
    const key = [rows.dataproviderId, rows.blockId, rows.from, rows.to, byteLength].join(":");
    const kept = this.#kept?.get(key);
    if (kept !== undefined) return kept;
    const current = this.#loads.get(key) ?? this.#start(key, load);
    current.waiting++;
    try {
      return await unlessAborted(current.encodings, signal);
    } finally {
      if (--current.waiting === 0) {
        if (this.#loads.get(key) === current) this.#loads.delete(key);
        current.controller.abort(signal?.reason);
      }
    }
  }

  #start(key: string, load: LoadEncodings): Load {
    const controller = new AbortController();
    const encodings = load(controller.signal).then((loaded) => {
      this.#kept?.set(key, loaded);
      return loaded;
    });
    const started = { encodings, controller, waiting: 0 };
    this.#loads.set(key, started);
    return started;
  }
}

function byteLengthOf({ dataset, entityIds }: StoredEncodings): number {
  return Math.max(1, dataset.bytes.buffer.byteLength + entityIds.buffer.byteLength);
}
