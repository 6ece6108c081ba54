import {
  type CandidatePairs,
  candidateCount,
  checkColumns,
  compareCandidates,
  findOrderBreak,
  sliceCandidatePairs,
} from "../candidate-pairs.js";
import { invalidOption, LinkageError } from "../errors.js";
import {
  type CandidateFileLayout,
  HEADER_LENGTH,
  headerBytes,
  type IndexWidth,
  isIndexWidth,
  pairByteLength,
} from "./candidate-file-layout.js";

export interface WriteCandidateFileOptions {
  /** Bytes per score, 8 or 4. With 4, a score that single precision cannot represent is an error. Default 8. */
  readonly scoreWidth?: 4 | 8;
  /** Bytes per data set index: 1, 2, 4 or 8. Default 4. */
  readonly datasetWidth?: IndexWidth;
  /** Bytes per record index: 1, 2, 4 or 8. Default 4. */
  readonly recordWidth?: IndexWidth;
  /** Whether pairs out of the total order are an error, because files must be sorted. Default true. */
  readonly checkOrder?: boolean;
}

/** Maximum bytes per chunk of a written file; chunks contain a whole number of pairs. */
const CHUNK_BYTE_LENGTH = 256 * 1024;

/** Encodes batches of sorted pairs as the bytes of one file. */
export class CandidateFileEncoder {
  readonly #layout: CandidateFileLayout;
  readonly #checksOrder: boolean;
  #last: CandidatePairs | undefined;

  /** @throws LinkageError `invalid-option` */
  constructor(options: WriteCandidateFileOptions = {}) {
    const { scoreWidth = 8, datasetWidth = 4, recordWidth = 4, checkOrder = true } = options;
    if (scoreWidth !== 8 && scoreWidth !== 4) throw invalidOption("scoreWidth", "4 or 8", scoreWidth);
    for (const [name, width] of Object.entries({ datasetWidth, recordWidth })) {
      if (!isIndexWidth(width)) throw invalidOption(name, "1, 2, 4 or 8", width);
    }
    this.#layout = { scoreWidth, datasetWidth, recordWidth };
    this.#checksOrder = checkOrder;
  }

  /** The first bytes of the file. */
  header(): Uint8Array {
    return headerBytes(this.#layout);
  }

  /**
   * Encodes the next pairs, in chunks of up to 256 KiB.
   *
   * @throws LinkageError `invalid-candidates` for a value that does not fit its width, NaN, or pairs out of order
   */
  *encode(pairs: CandidatePairs): Generator<Uint8Array, void, undefined> {
    this.#check(pairs);
    const count = candidateCount(pairs);
    const step = Math.floor(CHUNK_BYTE_LENGTH / pairByteLength(this.#layout));
    for (let from = 0; from < count; from += step) {
      const to = Math.min(from + step, count);
      const bytes = new Uint8Array((to - from) * pairByteLength(this.#layout));
      writePairs(pairs, from, to, this.#layout, bytes);
      yield bytes;
    }
  }

  /** Encodes the whole file at once. Throws as `encode` does. */
  encodeFile(pairs: CandidatePairs): Uint8Array {
    this.#check(pairs);
    const count = candidateCount(pairs);
    const bytes = new Uint8Array(HEADER_LENGTH + count * pairByteLength(this.#layout));
    bytes.set(this.header());
    writePairs(pairs, 0, count, this.#layout, bytes.subarray(HEADER_LENGTH));
    return bytes;
  }

  #check(pairs: CandidatePairs): void {
    checkColumns(pairs);
    const { scoreWidth, datasetWidth, recordWidth } = this.#layout;
    checkScores(pairs.scores, scoreWidth);
    checkIndices("left data set index", pairs.leftDatasets, datasetWidth);
    checkIndices("right data set index", pairs.rightDatasets, datasetWidth);
    checkIndices("left record index", pairs.leftRecords, recordWidth);
    checkIndices("right record index", pairs.rightRecords, recordWidth);
    const count = candidateCount(pairs);
    if (!this.#checksOrder || count === 0) return;
    const follows = this.#last === undefined || compareCandidates(this.#last, 0, pairs, 0) <= 0;
    if (!follows || findOrderBreak(pairs) !== -1) {
      throw invalidCandidates("candidate pairs", "The candidate pairs are not sorted.");
    }
    this.#last = sliceCandidatePairs(pairs, count - 1);
  }
}

function checkScores(scores: Float64Array, width: number): void {
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (Number.isNaN(score)) throw invalidCandidates("score", "A score is NaN.");
    if (width === 4 && Math.fround(score) !== score) {
      throw invalidCandidates("score", `The score ${score} does not fit in 4 bytes; set scoreWidth to 8.`);
    }
  }
}

function checkIndices(subject: string, indices: Uint32Array, width: IndexWidth): void {
  if (width >= 4) return;
  const max = 2 ** (8 * width) - 1;
  for (let i = 0; i < indices.length; i++) {
    if (indices[i]! > max) {
      throw invalidCandidates(subject, `A ${subject} is ${indices[i]}; ${width}-byte indices end at ${max}.`);
    }
  }
}

function invalidCandidates(subject: string, message: string): LinkageError {
  return new LinkageError("invalid-candidates", message, { subject });
}

/** Writes the pairs `from … to` (excluded) to the start of `bytes`. */
function writePairs(
  pairs: CandidatePairs,
  from: number,
  to: number,
  { scoreWidth, datasetWidth, recordWidth }: CandidateFileLayout,
  bytes: Uint8Array,
): void {
  const { scores, leftDatasets, rightDatasets, leftRecords, rightRecords } = pairs;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  if (scoreWidth === 8 && datasetWidth === 4 && recordWidth === 4) {
    for (let i = from; i < to; i++, at += 24) {
      view.setFloat64(at, scores[i]!, true);
      view.setUint32(at + 8, leftDatasets[i]!, true);
      view.setUint32(at + 12, rightDatasets[i]!, true);
      view.setUint32(at + 16, leftRecords[i]!, true);
      view.setUint32(at + 20, rightRecords[i]!, true);
    }
    return;
  }
  for (let i = from; i < to; i++) {
    if (scoreWidth === 8) view.setFloat64(at, scores[i]!, true);
    else view.setFloat32(at, scores[i]!, true);
    at += scoreWidth;
    at = writeIndex(view, at, datasetWidth, leftDatasets[i]!);
    at = writeIndex(view, at, datasetWidth, rightDatasets[i]!);
    at = writeIndex(view, at, recordWidth, leftRecords[i]!);
    at = writeIndex(view, at, recordWidth, rightRecords[i]!);
  }
}

/** Writes one index and returns the position of the next value. The upper half of 8 bytes stays 0. */
function writeIndex(view: DataView, at: number, width: IndexWidth, index: number): number {
  if (width === 1) view.setUint8(at, index);
  else if (width === 2) view.setUint16(at, index, true);
  else view.setUint32(at, index, true);
  return at + width;
}
