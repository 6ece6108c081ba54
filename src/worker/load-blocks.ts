import type { EncodingStore } from "../linkage/encoding-store.js";
import { unlessAborted } from "../linkage/unless-aborted.js";
import type { LoadedBlocks } from "./compare-package.js";
import type { Chunk } from "./work-package.js";

/** Loads the whole blocks of a package, with one query per party; returns them by `dataproviderId`. */
export async function loadBlocks(
  encodings: EncodingStore,
  chunks: readonly Chunk[],
  byteLength: number,
  signal?: AbortSignal,
): Promise<ReadonlyMap<number, LoadedBlocks>> {
  const positionsOf = new Map<number, Map<number, number>>();
  for (const { left, right } of chunks) {
    for (const { dataproviderId, blockId } of [left, right]) {
      let positions = positionsOf.get(dataproviderId);
      if (positions === undefined) positionsOf.set(dataproviderId, (positions = new Map()));
      if (!positions.has(blockId)) positions.set(blockId, positions.size);
    }
  }
  const loads = [...positionsOf].map(async ([dataproviderId, positions]) => {
    const stored = await encodings.readBlocks(dataproviderId, [...positions.keys()], byteLength, signal);
    return [dataproviderId, { stored, positions }] as const;
  });
  return new Map(await unlessAborted(Promise.all(loads), signal));
}
