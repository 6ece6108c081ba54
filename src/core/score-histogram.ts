/** Counts of scores in bins of equal width: bin `n` starts at `from + n * binWidth`; the last one includes 1. */
export interface ScoreHistogram {
  /** The threshold: no score is below it. */
  readonly from: number;
  readonly binWidth: number;
  readonly counts: Uint32Array;
}

/** Bins between the threshold and 1. */
const BIN_COUNT = 20;

/** Counts scores between `from` (0 to 1) and 1 in 20 bins. */
export function scoreHistogram(scores: Float64Array, from: number): ScoreHistogram {
  const counts = new Uint32Array(BIN_COUNT);
  const binWidth = (1 - from) / BIN_COUNT;
  for (let n = 0; n < scores.length; n++) {
    const bin = binWidth === 0 ? BIN_COUNT - 1 : Math.floor((scores[n]! - from) / binWidth);
    counts[Math.min(BIN_COUNT - 1, Math.max(0, bin))]!++;
  }
  return { from, binWidth, counts };
}
