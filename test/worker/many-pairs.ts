import { writeCandidateFile } from "../../src/core/candidate-file.js";
import { allocateCandidatePairs } from "../../src/core/candidate-pairs.js";
import { candidateFileName } from "../../src/linkage/candidate-file-names.js";
import { TASK_NAMES } from "../../src/linkage/task-calls.js";
import type { TaskDefinition } from "../../src/linkage/task-queue.js";
import { seededRandom } from "../random-clks.js";
import type { EmbeddedParts } from "./embedded-parts.js";

const ROWS = 400_000;

/**
 * Changes the solver task so that it solves `count` random pairs of three parties instead of the run's own.
 *
 * @param onBegin called before it solves them
 * @param isMeant which runs to change; default: all
 */
export function solvingMany(
  { objects }: EmbeddedParts,
  count: number,
  onBegin: () => void,
  isMeant: (runId: string) => boolean = () => true,
): (definition: TaskDefinition) => TaskDefinition {
  return (definition) => ({
    ...definition,
    async run(parameters, context) {
      const runId = parameters["run_id"] as string;
      if (definition.name !== TASK_NAMES.solverTask || !isMeant(runId)) {
        return definition.run(parameters, context);
      }
      const random = seededRandom(41);
      const pairs = allocateCandidatePairs(count);
      for (let i = 0; i < count; i++) {
        pairs.scores[i] = 1 - i / (2 * count);
        pairs.rightDatasets[i] = 1 + (i % 2);
        pairs.leftRecords[i] = Math.floor(random() * ROWS);
        pairs.rightRecords[i] = Math.floor(random() * ROWS);
      }
      const file = candidateFileName(runId, "many pairs");
      await objects.putStream(file, writeCandidateFile(pairs));
      onBegin();
      const changes = { similarity_scores_filename: file, dataset_sizes: [ROWS, ROWS, ROWS] };
      return definition.run({ ...parameters, ...changes }, context);
    },
  });
}
