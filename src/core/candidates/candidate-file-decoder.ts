import {
  allocateCandidatePairs,
  type CandidatePairs,
  candidateCount,
  compareCandidates,
  findOrderBreak,
  sliceCandidatePairs,
} from "../candidate-pairs.js";
import { describeValue } from "../errors.js";
import {
  type CandidateFileLayout,
  checkCountOption,
  HEADER_LENGTH,
  type IndexWidth,
  invalidFile,
  pairByteLength,
  readHeader,
  type ScoreWidth,
} from "./candidate-file-layout.js";
import { halfFloatValue } from "./half-float.js";

export interface ReadCandidateFileOptions {
  /** Maximum number of candidate pairs per batch. Default 65,536 (about 3 MiB with the bytes being read). */
  readonly batchSize?: number;
  /** Whether pairs out of the total order are an error. Default true. */
  readonly checkOrder?: boolean;
  /** The file's name in errors. Default `candidate file`. */
  readonly name?: string;
}

/**
 * Decodes a candidate file, split anywhere, into batches of pairs. Call `decode` for every piece, then `finish`. Every
 * error is a LinkageError `invalid-candidate-file`; errors in pairs include the byte offset.
 */
export class CandidateFileDecoder {
  readonly #batchSize: number;
  readonly #checksOrder: boolean;
  readonly #name: string;
  readonly #header = new Uint8Array(HEADER_LENGTH);
  #layout: CandidateFileLayout | undefined;
  /** Bytes of the batch being collected; grows up to one batch. */
  #bytes: Uint8Array = this.#header;
  #filled = 0;
  /** The offset of `#bytes` in the file. */
  #offset = 0;
  #last: CandidatePairs | undefined;

  /** @throws LinkageError `invalid-option` */
  constructor(options: ReadCandidateFileOptions = {}) {
    const { batchSize = 65_536, checkOrder = true, name = "candidate file" } = options;
    this.#batchSize = checkCountOption("batchSize", batchSize);
    this.#checksOrder = checkOrder;
    this.#name = name;
  }

  /** Decodes the next piece of the file; yields the batches that it completes. */
  *decode(chunk: Uint8Array): Generator<CandidatePairs, void, undefined> {
    if (!(chunk instanceof Uint8Array)) {
      throw invalidFile(this.#name, `a chunk of it is ${describeValue(chunk)}, not a Uint8Array`);
    }
    let from = 0;
    while (from < chunk.length) {
      this.#makeRoom(chunk.length - from);
      const count = Math.min(chunk.length - from, this.#bytes.length - this.#filled);
      this.#bytes.set(chunk.subarray(from, from + count), this.#filled);
      this.#filled += count;
      from += count;
      if (this.#filled < this.#limit()) continue;
      if (this.#layout === undefined) this.#startPairs();
      else yield this.#takeBatch(this.#layout);
    }
  }

  /** The last batch, if any pairs are left over. Throws if the file ends within a pair or its header. */
  finish(): CandidatePairs | undefined {
    const offset = this.#offset + this.#filled;
    if (this.#layout === undefined) {
      throw invalidFile(this.#name, `it ends after ${offset} of the ${HEADER_LENGTH} bytes of its header`);
    }
    const length = pairByteLength(this.#layout);
    const partial = this.#filled % length;
    if (partial !== 0) {
      const place = `the pair at byte ${offset - partial}`;
      throw invalidFile(this.#name, `it ends after ${partial} of the ${length} bytes of ${place}`);
    }
    return this.#filled === 0 ? undefined : this.#takeBatch(this.#layout);
  }

  /** Bytes of a full batch, or of the header. */
  #limit(): number {
    return this.#layout === undefined ? HEADER_LENGTH : this.#batchSize * pairByteLength(this.#layout);
  }

  #makeRoom(byteLength: number): void {
    const wanted = Math.min(this.#filled + byteLength, this.#limit());
    if (wanted <= this.#bytes.length) return;
    // Doubles the room, so that many small pieces cost no more than one large one.
    const grown = new Uint8Array(Math.min(Math.max(wanted, 2 * this.#bytes.length), this.#limit()));
    grown.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = grown;
  }

  #startPairs(): void {
    this.#layout = readHeader(this.#header, this.#name);
    this.#bytes = new Uint8Array(0);
    this.#filled = 0;
    this.#offset = HEADER_LENGTH;
  }

  #takeBatch(layout: CandidateFileLayout): CandidatePairs {
    const pairs = allocateCandidatePairs(this.#filled / pairByteLength(layout));
    const tooLarge = readPairs(this.#bytes, layout, pairs);
    this.#checkPairs(pairs, tooLarge, pairByteLength(layout));
    this.#offset += this.#filled;
    this.#filled = 0;
    return pairs;
  }

  #checkPairs(pairs: CandidatePairs, tooLarge: number, byteLength: number): void {
    const invalidPair = (index: number, reason: string) =>
      invalidFile(this.#name, `the pair at byte ${this.#offset + index * byteLength} ${reason}`);
    if (tooLarge !== -1) throw invalidPair(tooLarge, "has an index of 2^32 or more");
    const noNumber = findNaN(pairs.scores);
    if (noNumber !== -1) throw invalidPair(noNumber, "has the score NaN");
    if (!this.#checksOrder) return;
    const follows = this.#last === undefined || compareCandidates(this.#last, 0, pairs, 0) <= 0;
    const broken = follows ? findOrderBreak(pairs) : 0;
    if (broken !== -1) throw invalidPair(broken, "is out of order");
    this.#last = sliceCandidatePairs(pairs, candidateCount(pairs) - 1);
  }
}

/** The index of the first NaN, or −1. A plain loop: `findIndex` with a callback takes longer than the decoding. */
function findNaN(scores: Float64Array): number {
  for (let i = 0; i < scores.length; i++) if (Number.isNaN(scores[i])) return i;
  return -1;
}

/** Fills `pairs` from the start of `bytes`. Returns the first pair with an index of 2^32 or more, or −1. */
function readPairs(bytes: Uint8Array, layout: CandidateFileLayout, pairs: CandidatePairs): number {
  const { scores, leftDatasets, rightDatasets, leftRecords, rightRecords } = pairs;
  const { scoreWidth, datasetWidth, recordWidth } = layout;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = scores.length;
  let at = 0;
  if (scoreWidth === 8 && datasetWidth === 4 && recordWidth === 4) {
    for (let i = 0; i < count; i++, at += 24) {
      scores[i] = view.getFloat64(at, true);
      leftDatasets[i] = view.getUint32(at + 8, true);
      rightDatasets[i] = view.getUint32(at + 12, true);
      leftRecords[i] = view.getUint32(at + 16, true);
      rightRecords[i] = view.getUint32(at + 20, true);
    }
    return -1;
  }
  let tooLarge = -1;
  for (let i = 0; i < count; i++) {
    scores[i] = readScore(view, at, scoreWidth);
    at += scoreWidth;
    const leftDataset = readIndex(view, at, datasetWidth);
    const rightDataset = readIndex(view, at + datasetWidth, datasetWidth);
    at += 2 * datasetWidth;
    const leftRecord = readIndex(view, at, recordWidth);
    const rightRecord = readIndex(view, at + recordWidth, recordWidth);
    at += 2 * recordWidth;
    if (tooLarge === -1 && Math.max(leftDataset, rightDataset, leftRecord, rightRecord) >= 2 ** 32)
      tooLarge = i;
    leftDatasets[i] = leftDataset;
    rightDatasets[i] = rightDataset;
    leftRecords[i] = leftRecord;
    rightRecords[i] = rightRecord;
  }
  return tooLarge;
}

function readScore(view: DataView, at: number, width: ScoreWidth): number {
  if (width === 8) return view.getFloat64(at, true);
  return width === 4 ? view.getFloat32(at, true) : halfFloatValue(view.getUint16(at, true));
}

/** Reads one index. An 8-byte value above 2^53 is rounded, which is harmless because it is rejected. */
function readIndex(view: DataView, at: number, width: IndexWidth): number {
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true);
  if (width === 4) return view.getUint32(at, true);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
