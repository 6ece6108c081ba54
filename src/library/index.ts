// The public API, the same in Node and in browsers. Its entry points are node.ts and browser.ts.
export * from "../core/blocks.js";
export * from "../core/candidate-file.js";
export {
  type CandidatePairs,
  candidateCount,
  concatCandidatePairs,
  isSorted,
} from "../core/candidate-pairs.js";
export { mergeCandidateFiles } from "../core/candidates/merge-candidate-files.js";
export { mergeCandidatePairs } from "../core/candidates/merge-candidates.js";
export * from "../core/chunks.js";
export { allocateBytes, type ClkDataset, createClkDataset, MAX_BYTE_LENGTH } from "../core/clk-dataset.js";
export * from "../core/clk-format.js";
export { type DatasetDescription, describeDataset, type PopcountSummary } from "../core/describe-dataset.js";
export { type ErrorCode, InvalidRowsError, LinkageError, type RowProblem } from "../core/errors.js";
export { KERNEL_NAMES, type KernelName } from "../core/kernel/kernel.js";
export { diceScore } from "../core/overlap-limits.js";
export * from "../core/permutation.js";
export type { ScoreHistogram } from "../core/score-histogram.js";
export * from "../core/solve-greedy.js";
export { closeThreads } from "./engine.js";
export * from "./find-candidate-pairs.js";
export * from "./link.js";
export type { CompareOptions, Progress } from "./options.js";
