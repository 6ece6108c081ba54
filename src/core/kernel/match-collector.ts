import type { SimilarPairs } from "../candidates/similar-pairs.js";
import { LinkageError } from "../errors.js";

/** Throws `too-many-candidates` where more pairs match than a caller accepts. */
export function checkMatchCount(count: number, limit: number): void {
  if (count <= limit) return;
  throw new LinkageError("too-many-candidates", "candidate pairs", `at most ${limit}`, "more than that");
}

/** Gathers matches from a kernel's small buffers; holds every match once, without a growing copy. */
export class MatchCollector {
  #parts: SimilarPairs[] = [];
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
    if (scores.length === 0) return;
    this.#count += scores.length;
    checkMatchCount(this.#count, this.#limit);
    this.#parts.push({
      scores: scores.slice(),
      leftRecords: leftRecords.slice(),
      rightRecords: rightRecords.slice(),
    });
  }

  /** All matches, in the order in which they came, in parts; the collector is empty afterwards. */
  take(): SimilarPairs[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#count = 0;
    return parts;
  }
}
