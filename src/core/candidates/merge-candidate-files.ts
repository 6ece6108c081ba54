import { type ByteSource, readCandidateFile } from "../candidate-file.js";
import { allocateCandidatePairs, type CandidatePairs, sliceCandidatePairs } from "../candidate-pairs.js";
import { checkCountOption } from "./candidate-file-layout.js";
import { CandidateMerger } from "./candidate-merger.js";

export interface MergeCandidateFilesOptions {
  /** Maximum number of candidate pairs per output batch. Default 65,536. */
  readonly batchSize?: number;
  /**
   * Maximum number of candidate pairs held per source. Default: 1,048,576 divided by the number of sources, between 512
   * and 65,536, so that all sources together take about 50 MiB (beyond 2,048 sources, 25 KiB each).
   */
  readonly sourceBatchSize?: number;
  /** Whether pairs out of the total order are an error. Default true; if false, sources must be sorted. */
  readonly checkOrder?: boolean;
  /** The sources' names in errors, by index. Default `candidate file 0` and so on. */
  readonly names?: readonly string[];
}

/**
 * Merges sorted candidate files into batches in the total order. Pairs that are equal in all five values are yielded
 * once. Memory: one batch of each source and one output batch. All sources are open at the same time; they are closed
 * at the end, even after an early exit or an error. Widths may differ between sources.
 *
 * @throws LinkageError `invalid-option`, `invalid-candidate-file`; errors of the sources pass through
 */
export async function* mergeCandidateFiles(
  sources: readonly ByteSource[],
  options: MergeCandidateFilesOptions = {},
): AsyncGenerator<CandidatePairs, void, undefined> {
  const share = Math.min(65_536, Math.max(512, Math.floor(2 ** 20 / Math.max(1, sources.length))));
  const batchSize = checkCountOption("batchSize", options.batchSize ?? 65_536);
  const sourceBatchSize = checkCountOption("sourceBatchSize", options.sourceBatchSize ?? share);
  if (sources.length === 0) return;
  const readers = sources.map((source, i) =>
    readCandidateFile(source, {
      batchSize: sourceBatchSize,
      checkOrder: options.checkOrder ?? true,
      name: options.names?.[i] ?? `candidate file ${i}`,
    }),
  );
  try {
    yield* mergeBatches(readers, batchSize);
  } finally {
    await Promise.allSettled(readers.map((reader) => reader.return()));
  }
}

async function* mergeBatches(
  readers: readonly AsyncGenerator<CandidatePairs, void, undefined>[],
  batchSize: number,
): AsyncGenerator<CandidatePairs, void, undefined> {
  const merger = new CandidateMerger(readers.length, true);
  const feed = async (source: number) => {
    const next = await readers[source]!.next();
    merger.feed(source, next.done ? undefined : next.value);
  };
  await Promise.all(readers.map((_, source) => feed(source)));
  let batch = allocateCandidatePairs(batchSize);
  let filled = 0;
  for (;;) {
    const { to, hungrySource } = merger.drain(batch, filled);
    filled = to;
    const isFull = filled === batchSize;
    if (hungrySource !== undefined) await feed(hungrySource);
    if (isFull) {
      yield batch;
      batch = allocateCandidatePairs(batchSize);
      filled = 0;
    } else if (hungrySource === undefined) {
      break;
    }
  }
  if (filled > 0) yield sliceCandidatePairs(batch, 0, filled);
}
