import {
  type CandidatePairs,
  compareCandidates,
  emptyCandidatePairs,
  sliceCandidatePairs,
} from "../candidate-pairs.js";

/** The result of a call of {@link CandidateMerger.drain}. */
export interface DrainResult {
  /** The index in the target after the last pair written. */
  readonly to: number;
  /** The source to be fed before the next call; if undefined, the target is full or every source has ended. */
  readonly hungrySource: number | undefined;
}

/**
 * Merges sorted sources of candidate pairs into the total order, holding one batch of each source: a tournament tree of
 * losers (Knuth, The Art of Computer Programming, vol. 3, 5.4.1) over the first unread pair of every source. Equal
 * pairs are written in the order of their sources.
 *
 * Usage: `feed` every source once, then call `drain` repeatedly and feed the source that it asks for.
 */
export class CandidateMerger {
  readonly #batches: CandidatePairs[];
  readonly #positions: Int32Array;
  /** Score of each source's first unread pair; −∞ once it has ended. */
  readonly #headScores: Float64Array;
  readonly #ended: Uint8Array;
  /** Node 0 holds the winner, nodes 1 … sourceCount − 1 the losers; source `i` is leaf `sourceCount + i`. */
  readonly #tree: Int32Array;
  readonly #dropsDuplicates: boolean;
  #isBuilt = false;
  /** The last pair of the previous target. */
  #last: CandidatePairs | undefined;

  /**
   * @param sourceCount number of sources, 1 or more
   * @param dropsDuplicates whether equal pairs are written only once
   */
  constructor(sourceCount: number, dropsDuplicates: boolean) {
    this.#batches = Array.from({ length: sourceCount }, emptyCandidatePairs);
    this.#positions = new Int32Array(sourceCount);
    this.#headScores = new Float64Array(sourceCount);
    this.#ended = new Uint8Array(sourceCount);
    this.#tree = new Int32Array(sourceCount);
    this.#dropsDuplicates = dropsDuplicates;
  }

  /** Passes the next batch of a source, one pair or more, or `undefined` at its end. */
  feed(source: number, batch: CandidatePairs | undefined): void {
    this.#batches[source] = batch ?? emptyCandidatePairs();
    this.#positions[source] = 0;
    this.#ended[source] = batch === undefined ? 1 : 0;
    this.#headScores[source] = batch?.scores[0] ?? -Infinity;
    if (this.#isBuilt) this.#replay(source);
  }

  /**
   * Moves pairs to `target`, from index `from` on, until it is full, a source needs its next batch, or all have ended.
   * `from` is 0 for a new target, then the `to` of the previous call until the target is full.
   */
  drain(target: CandidatePairs, from: number): DrainResult {
    if (!this.#isBuilt) this.#build();
    const { scores, leftDatasets, rightDatasets, leftRecords, rightRecords } = target;
    let to = from;
    while (to < scores.length) {
      const source = this.#tree[0]!;
      if (this.#ended[source] === 1) break;
      const batch = this.#batches[source]!;
      const position = this.#positions[source]!;
      if (!this.#dropsDuplicates || !this.#repeats(target, to, batch, position)) {
        scores[to] = batch.scores[position]!;
        leftDatasets[to] = batch.leftDatasets[position]!;
        rightDatasets[to] = batch.rightDatasets[position]!;
        leftRecords[to] = batch.leftRecords[position]!;
        rightRecords[to] = batch.rightRecords[position]!;
        to++;
        if (to === scores.length) this.#last = sliceCandidatePairs(target, to - 1);
      }
      if (position + 1 === batch.scores.length) return { to, hungrySource: source };
      this.#positions[source] = position + 1;
      this.#headScores[source] = batch.scores[position + 1]!;
      this.#replay(source);
    }
    return { to, hungrySource: undefined };
  }

  /** Whether the pair equals the one written before it: `target[to - 1]` or the last pair of the previous target. */
  #repeats(target: CandidatePairs, to: number, batch: CandidatePairs, position: number): boolean {
    if (to > 0) return compareCandidates(target, to - 1, batch, position) === 0;
    return this.#last !== undefined && compareCandidates(this.#last, 0, batch, position) === 0;
  }

  /** Whether the first unread pair of source `a` goes before that of source `b`. */
  #isBefore(a: number, b: number): boolean {
    const left = this.#headScores[a]!;
    const right = this.#headScores[b]!;
    if (left !== right) return left > right;
    if (this.#ended[a] !== this.#ended[b]) return this.#ended[a] === 0;
    if (this.#ended[a] === 1) return a < b;
    const batchA = this.#batches[a]!;
    const order = compareCandidates(batchA, this.#positions[a]!, this.#batches[b]!, this.#positions[b]!);
    return order === 0 ? a < b : order < 0;
  }

  #build(): void {
    const count = this.#tree.length;
    const winners = new Int32Array(2 * count);
    for (let source = 0; source < count; source++) winners[count + source] = source;
    for (let node = count - 1; node >= 1; node--) {
      const a = winners[2 * node]!;
      const b = winners[2 * node + 1]!;
      const wins = this.#isBefore(a, b);
      winners[node] = wins ? a : b;
      this.#tree[node] = wins ? b : a;
    }
    this.#tree[0] = winners[1]!;
    this.#isBuilt = true;
  }

  /** Replays the path of the last winner, whose first pair changed, up to the root. */
  #replay(source: number): void {
    const tree = this.#tree;
    let winner = source;
    for (let node = (source + tree.length) >>> 1; node >= 1; node >>>= 1) {
      const loser = tree[node]!;
      if (this.#isBefore(loser, winner)) {
        tree[node] = winner;
        winner = loser;
      }
    }
    tree[0] = winner;
  }
}
