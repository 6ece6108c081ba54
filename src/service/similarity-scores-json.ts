import type { ByteSource } from "../core/candidate-file.js";
import type { CandidatePairs } from "../core/candidate-pairs.js";
import { mergeCandidateFiles } from "../core/candidates/merge-candidate-files.js";

/** Pairs per output chunk: about 128 KiB. */
const BATCH_SIZE = 4096;

/**
 * Streams a candidate file as the API's JSON, `{"similarity_scores": [[[party, row], [party, row], score], …]}`. Scores
 * are written as by Python, with a decimal point. A pair is written once: a file that Python's workers have merged has
 * pairs of overlapping blocks twice if all blocks were in one package. Memory: two batches.
 *
 * @throws LinkageError `invalid-candidate-file`; errors of the source
 */
export async function* similarityScoresJson(source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
  let separator = "";
  yield Buffer.from('{"similarity_scores": [');
  const options = { batchSize: BATCH_SIZE, sourceBatchSize: BATCH_SIZE };
  for await (const pairs of mergeCandidateFiles([source], options)) {
    yield Buffer.from(separator + pairsJson(pairs));
    separator = ",\n";
  }
  yield Buffer.from("]}\n");
}

function pairsJson(pairs: CandidatePairs): string {
  const { scores, leftDatasets, rightDatasets, leftRecords, rightRecords } = pairs;
  let text = "";
  for (let n = 0; n < scores.length; n++) {
    const left = `[${leftDatasets[n]}, ${leftRecords[n]}]`;
    const right = `[${rightDatasets[n]}, ${rightRecords[n]}]`;
    text += `${n === 0 ? "" : ",\n"}[${left}, ${right}, ${decimal(scores[n]!)}]`;
  }
  return text;
}

function decimal(score: number): string {
  return Number.isInteger(score) ? score.toFixed(1) : String(score);
}
