import type { CandidatePairs } from "../core/candidate-pairs.js";
import { type ScoreHistogram, scoreHistogram } from "../core/score-histogram.js";
import { type Groups, solveGreedy } from "../core/solve-greedy.js";
import { type ComparisonStatistics, type DatasetInput, findCandidatePairs } from "./find-candidate-pairs.js";
import type { CompareOptions } from "./options.js";

export interface LinkStatistics extends ComparisonStatistics {
  /** The distribution of the candidate pairs' scores between the threshold and 1. */
  readonly scoreHistogram: ScoreHistogram;
  /** {@link ComparisonStatistics.seconds} plus the seconds of solving. */
  readonly seconds: number;
}

export interface LinkResult {
  /** Records that belong together, one group per person: see {@link Groups}. */
  readonly groups: Groups;
  /** All candidate pairs, in the total order. */
  readonly pairs: CandidatePairs;
  readonly statistics: LinkStatistics;
}

/**
 * Links data sets: finds the candidate pairs and solves them greedily into groups, the best scores first.
 *
 * @param inputs two or more data sets, all with blocks or all without, all of the same byteLength
 * @throws LinkageError as `findCandidatePairs`
 */
export async function link(inputs: readonly DatasetInput[], options: CompareOptions): Promise<LinkResult> {
  const start = performance.now();
  const { pairs, statistics } = await findCandidatePairs(inputs, options);
  const groups = solveGreedy(pairs);
  const seconds = (performance.now() - start) / 1000;
  return {
    groups,
    pairs,
    statistics: { ...statistics, seconds, scoreHistogram: scoreHistogram(pairs.scores, options.threshold) },
  };
}
