import type { SimilarPairs } from "../candidates/similar-pairs.js";
import { LinkageError } from "../errors.js";

/** Throws `too-many-candidates` if more pairs match than a caller accepts. */
export function checkMatchCount(count: number, limit: number): void {
  if (count <= limit) return;
  const message = `There are more than ${limit} candidate pairs; raise the threshold or use blocks.`;
  throw new LinkageError("too-many-candidates", message, {
    subject: "candidate pairs",
    expected: `at most ${limit}`,
    received: "more",
  });
}

/** Collects matches from a kernel's small buffers. Holds every match once and never copies to grow. */
export class MatchCollector {
  #parts: SimilarPairs[] = [];
  readonly #limit: number;
  #count = 0;

  /** @param limit maximum number of matches; one more throws `too-many-candidates` */
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

  /** Returns all matches, in order of arrival, in parts. The collector is empty afterwards. */
  take(): SimilarPairs[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#count = 0;
    return parts;
  }
}
