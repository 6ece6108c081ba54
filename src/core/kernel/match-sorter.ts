import { mergeSimilarPairs } from "../candidates/merge-similar-pairs.js";
import type { SimilarPairs } from "../candidates/similar-pairs.js";
import { sortSimilarPairs } from "../candidates/sort-similar-pairs.js";
import type { WasmMemory } from "./wasm-memory.js";
import type { ScalarExports } from "./wasm-modules.js";

/** Pairs sorted at once; each takes 48 bytes of kernel memory. */
const RUN_PAIRS = 2 ** 20;
/** Eight digits of 2,048 counters; as in assembly/sort.ts. */
const COUNTER_BYTES = 8 * 4 * 2048;

/** Sorts the matches of kernels: sorts parts in WebAssembly, then merges them. See assembly/sort.ts. */
export class MatchSorter {
  readonly #wasm: ScalarExports;
  readonly #memory: WasmMemory;
  readonly #runPairs: number;

  /** @param runPairs pairs sorted at once */
  constructor(wasm: ScalarExports, memory: WasmMemory, runPairs = RUN_PAIRS) {
    this.#wasm = wasm;
    this.#memory = memory;
    this.#runPairs = runPairs;
  }

  /**
   * Sorts by score descending, then left record and right record ascending.
   *
   * @param parts pairs with scores above 0, up to 1
   */
  sort(parts: readonly SimilarPairs[]): SimilarPairs {
    const runs: SimilarPairs[] = [];
    let run: SimilarPairs[] = [];
    let count = 0;
    for (const part of parts) {
      for (let from = 0; from < part.scores.length; ) {
        const to = Math.min(part.scores.length, from + this.#runPairs - count);
        run.push(slicePairs(part, from, to));
        count += to - from;
        from = to;
        if (count < this.#runPairs) continue;
        runs.push(this.#sortRun(run, count));
        run = [];
        count = 0;
      }
    }
    if (count > 0) runs.push(this.#sortRun(run, count));
    return mergeSimilarPairs(runs);
  }

  #sortRun(parts: readonly SimilarPairs[], count: number): SimilarPairs {
    const memory = this.#memory;
    const mark = memory.mark;
    try {
      const left = memory.allocate(4 * count);
      const right = memory.allocate(4 * count);
      const scores = memory.allocate(8 * count);
      const matches = memory.allocateFields(left, right, scores, count, count);
      const first = memory.allocate(16 * count);
      const second = memory.allocate(16 * count);
      const counters = memory.allocate(COUNTER_BYTES);
      const { u32, f64 } = memory;
      let at = 0;
      for (const part of parts) {
        u32.set(part.leftRecords, (left >>> 2) + at);
        u32.set(part.rightRecords, (right >>> 2) + at);
        f64.set(part.scores, (scores >>> 3) + at);
        at += part.scores.length;
      }
      const isSorted = this.#wasm.sortMatches(matches, first, second, counters) !== 0;
      const columns = {
        scores: f64.slice(scores >>> 3, (scores >>> 3) + count),
        leftRecords: u32.slice(left >>> 2, (left >>> 2) + count),
        rightRecords: u32.slice(right >>> 2, (right >>> 2) + count),
      };
      return isSorted ? columns : sortSimilarPairs(columns.scores, columns.leftRecords, columns.rightRecords);
    } finally {
      memory.release(mark);
    }
  }
}

function slicePairs(pairs: SimilarPairs, from: number, to: number): SimilarPairs {
  return {
    scores: pairs.scores.subarray(from, to),
    leftRecords: pairs.leftRecords.subarray(from, to),
    rightRecords: pairs.rightRecords.subarray(from, to),
  };
}
