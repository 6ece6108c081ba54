import { LinkageError } from "../errors.js";

/** Matching pairs of two data sets, in the order in which they were found. */
export interface Matches {
  readonly scores: Float64Array;
  readonly leftRecords: Uint32Array;
  readonly rightRecords: Uint32Array;
}

/** Gathers matches from a kernel's small buffers; holds every match once, without a growing copy. */
export class MatchCollector {
  readonly #parts: Matches[] = [];
  readonly #limit: number;
  #count = 0;

  /** @param limit the most matches to accept; one more throws `too-many-candidates` */
  constructor(limit = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
  }

  get count(): number {
    return this.#count;
  }

  /** Copies matches out of a kernel's buffers. */
  add(leftRecords: Uint32Array, rightRecords: Uint32Array, scores: Float64Array): void {
    if (scores.length > 0) {
      this.addOwned({
        leftRecords: leftRecords.slice(),
        rightRecords: rightRecords.slice(),
        scores: scores.slice(),
      });
    }
  }

  /** Takes over arrays that nobody else will change. */
  addOwned(matches: Matches): void {
    this.#count += matches.scores.length;
    if (this.#count > this.#limit) {
      throw new LinkageError(
        "too-many-candidates",
        "candidate pairs",
        `at most ${this.#limit}`,
        "more than that",
      );
    }
    this.#parts.push(matches);
  }

  /** All matches, in the order in which they came; the collector is empty afterwards. */
  take(): Matches {
    const parts = this.#parts.splice(0);
    const count = this.#count;
    this.#count = 0;
    if (parts.length === 1) return parts[0]!;
    const all = {
      scores: new Float64Array(count),
      leftRecords: new Uint32Array(count),
      rightRecords: new Uint32Array(count),
    };
    let offset = 0;
    for (const part of parts) {
      all.scores.set(part.scores, offset);
      all.leftRecords.set(part.leftRecords, offset);
      all.rightRecords.set(part.rightRecords, offset);
      offset += part.scores.length;
    }
    return all;
  }
}
