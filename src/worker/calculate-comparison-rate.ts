import type { RunDatabase } from "../linkage/database.js";
import { TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition } from "../linkage/task-queue.js";

export interface CalculateComparisonRateStores {
  readonly database: Pick<RunDatabase, "measureRuns" | "addComparisonRate">;
}

/** Makes the task that stores the comparisons per second of all completed runs. */
export function calculateComparisonRate({ database }: CalculateComparisonRateStores): TaskDefinition {
  return {
    name: TASK_NAMES.calculateComparisonRate,
    parameters: [],
    async run() {
      const { comparisons, seconds } = await database.measureRuns();
      if (seconds > 0) await database.addComparisonRate(Math.round(comparisons / seconds));
    },
  };
}
