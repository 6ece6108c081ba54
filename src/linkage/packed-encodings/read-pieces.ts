import type { ObjectStore } from "../object-store.js";
import { wrongFile } from "./layout.js";

/** Gaps of up to this many bytes between pieces are read along, because that takes less time than another request. */
export const MAX_GAP = 2 ** 20;

/** Parts of a file, in ascending order, without overlaps. */
export interface Pieces {
  readonly count: number;
  offsetOf(piece: number): number;
  byteLengthOf(piece: number): number;
}

/** Called with the bytes of a piece, in order, once per chunk; `at` is the offset within the piece. */
export type OnBytes = (piece: number, at: number, bytes: Uint8Array) => void;

/**
 * Reads many parts of one file in few requests. Memory: one chunk of the store's response.
 *
 * @throws ServiceError `store-failed` if the file ends too early; the store's errors
 */
export async function readPieces(
  objects: Pick<ObjectStore, "get">,
  file: string,
  pieces: Pieces,
  onBytes: OnBytes,
  signal?: AbortSignal,
): Promise<void> {
  for (let first = 0; first < pieces.count; ) {
    const from = pieces.offsetOf(first);
    let end = from + pieces.byteLengthOf(first);
    let next = first + 1;
    for (; next < pieces.count && pieces.offsetOf(next) - end <= MAX_GAP; next++) {
      end = pieces.offsetOf(next) + pieces.byteLengthOf(next);
    }
    await readTogether(objects, file, { from, end, first, next }, pieces, onBytes, signal);
    first = next;
  }
}

interface Stretch {
  readonly from: number;
  readonly end: number;
  /** Its first piece, and the first piece after it. */
  readonly first: number;
  readonly next: number;
}

async function readTogether(
  objects: Pick<ObjectStore, "get">,
  file: string,
  { from, end, first, next }: Stretch,
  pieces: Pieces,
  onBytes: OnBytes,
  signal: AbortSignal | undefined,
): Promise<void> {
  let piece = first;
  let chunkStart = from;
  for await (const chunk of objects.get(file, { from, byteLength: end - from }, signal)) {
    const chunkEnd = chunkStart + chunk.length;
    while (piece < next) {
      const pieceStart = pieces.offsetOf(piece);
      if (pieceStart >= chunkEnd) break;
      const pieceEnd = pieceStart + pieces.byteLengthOf(piece);
      const start = Math.max(pieceStart, chunkStart);
      const stop = Math.min(pieceEnd, chunkEnd);
      onBytes(piece, start - pieceStart, chunk.subarray(start - chunkStart, stop - chunkStart));
      if (pieceEnd > chunkEnd) break;
      piece++;
    }
    chunkStart = chunkEnd;
  }
  if (chunkStart !== end) throw wrongFile(`it ends after ${chunkStart} bytes, but must have ${end} or more`);
}
