/**
 * The binary candidate file, as streams. Little-endian: a header of four bytes (version 1, bytes per score, per data
 * set index, per record index), then for each pair its score (IEEE), the left and the right data set index, and the
 * left and the right record index. Pairs are in the total order, so that files merge as streams. The number of pairs
 * follows from the length of the file.
 */

import { type CandidatePairs, emptyCandidatePairs } from "./candidate-pairs.js";
import { CandidateFileDecoder, type ReadCandidateFileOptions } from "./candidates/candidate-file-decoder.js";
import { CandidateFileEncoder, type WriteCandidateFileOptions } from "./candidates/candidate-file-encoder.js";

export type { ReadCandidateFileOptions } from "./candidates/candidate-file-decoder.js";
export type { WriteCandidateFileOptions } from "./candidates/candidate-file-encoder.js";

/** A file as a stream of bytes, split anywhere. */
export type ByteSource = AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

/**
 * Writes a candidate file: the header, then chunks of up to 256 KiB. Memory: one batch and one chunk.
 *
 * @param pairs all pairs, or batches that follow each other in the total order
 * @throws LinkageError `invalid-option`, and `invalid-candidates` for pairs out of order, NaN, or a value that
 *   does not fit its width
 */
export async function* writeCandidateFile(
  pairs: CandidatePairs | Iterable<CandidatePairs> | AsyncIterable<CandidatePairs>,
  options: WriteCandidateFileOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const encoder = new CandidateFileEncoder(options);
  yield encoder.header();
  for await (const batch of "scores" in pairs ? [pairs] : pairs) yield* encoder.encode(batch);
}

/** A whole candidate file in memory. Options and errors as in {@link writeCandidateFile}. */
export function candidateFileBytes(
  pairs: CandidatePairs,
  options: WriteCandidateFileOptions = {},
): Uint8Array {
  return new CandidateFileEncoder(options).encodeFile(pairs);
}

/**
 * Reads a candidate file of any valid widths (scores of 2, 4 or 8 bytes, indices of 1, 2, 4 or 8) as batches of at
 * least one pair. Memory: one batch. The source is closed when reading ends, even early.
 *
 * @throws LinkageError `invalid-option`, and `invalid-candidate-file` for a bad header, a truncated file, NaN, an index
 *   of 2^32 or more, or pairs out of order; errors of the source pass through
 */
export async function* readCandidateFile(
  source: ByteSource,
  options: ReadCandidateFileOptions = {},
): AsyncGenerator<CandidatePairs, void, undefined> {
  const decoder = new CandidateFileDecoder(options);
  for await (const chunk of Symbol.asyncIterator in source ? source : readStream(source)) {
    yield* decoder.decode(chunk);
  }
  const rest = decoder.finish();
  if (rest !== undefined) yield rest;
}

/** Reads a candidate file in memory. Errors as in {@link readCandidateFile}. */
export function parseCandidateFile(
  bytes: Uint8Array,
  options: Omit<ReadCandidateFileOptions, "batchSize"> = {},
): CandidatePairs {
  // A batch of as many pairs as the file has bytes has room for all of them.
  const decoder = new CandidateFileDecoder({ ...options, batchSize: bytes.length || 1 });
  decoder.decode(bytes).next();
  return decoder.finish() ?? emptyCandidatePairs();
}

/** The chunks of a stream. In some browsers, streams are not async iterable. */
async function* readStream(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  let isDone = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        isDone = true;
        return;
      }
      yield value;
    }
  } finally {
    // An early end. A failed stream rejects the cancellation, but it has already reported its error.
    if (!isDone) await reader.cancel().catch(() => undefined);
    reader.releaseLock();
  }
}
