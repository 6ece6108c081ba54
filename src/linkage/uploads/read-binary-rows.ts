import { ServiceError } from "../errors.js";
import type { TakeRows } from "./read-json-rows.js";

/** Approximate bytes in a piece handed out. */
const PIECE_LENGTH = 1 << 18;

/**
 * Reads records as raw bytes, from chunks that may be cut anywhere.
 *
 * @param beyond whether bytes after the last record are an error, or reading just stops
 * @throws ServiceError `invalid-request` for too few or too many bytes
 */
export async function readBinaryRows(
  source: AsyncIterable<Uint8Array>,
  recordCount: number,
  byteLength: number,
  beyond: "refuse" | "ignore",
  take: TakeRows,
): Promise<void> {
  const expectedLength = recordCount * byteLength;
  const pieceLength = Math.max(1, Math.floor(PIECE_LENGTH / byteLength)) * byteLength;
  let left = expectedLength;
  let piece = new Uint8Array(Math.min(pieceLength, left));
  let used = 0;
  for await (const chunk of source) {
    if (chunk.length > left && beyond === "refuse") {
      throw wrongLength(recordCount, byteLength, "more");
    }
    let rest = chunk.subarray(0, left);
    left -= rest.length;
    while (rest.length > 0) {
      const fitting = rest.subarray(0, piece.length - used);
      piece.set(fitting, used);
      used += fitting.length;
      rest = rest.subarray(fitting.length);
      if (used < piece.length) continue;
      await take(piece, byteLength);
      piece = new Uint8Array(Math.min(pieceLength, left + rest.length));
      used = 0;
    }
    if (left === 0 && beyond === "ignore") return;
  }
  if (left > 0) throw wrongLength(recordCount, byteLength, `${expectedLength - left} bytes`);
}

/** The error for a body whose length differs from its headers. */
export function wrongLength(recordCount: number, byteLength: number, received: string): ServiceError {
  const expected = `${recordCount * byteLength} bytes (${recordCount} × ${byteLength})`;
  const message = `The body must have ${expected}, not ${received}.`;
  return new ServiceError("invalid-request", message, { subject: "body", expected, received });
}
