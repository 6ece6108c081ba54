import type { Database } from "../linkage/database.js";
import { ServiceError } from "../linkage/errors.js";
import { markRunComplete, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { MAX_STORED_LENGTH } from "./groups-length.js";
import { hasEnded } from "./has-ended.js";
import { whileRunIsActive } from "./run-watch.js";
import { permuteInThread } from "./solve-in-thread.js";
import { readCount, readText } from "./task-parameters.js";

export interface PermuteMappingDataStores {
  readonly database: Pick<
    Database,
    "runState" | "failRun" | "findGroups" | "findMask" | "listDataproviders" | "addPermutations"
  >;
  readonly tasks: Pick<TaskQueue, "send">;
}

export interface PermuteMappingDataOptions {
  /** Milliseconds between checks whether the run has ended; default 1,000. */
  readonly runCheckMs?: number;
}

/** Maximum bytes of a number in a jsonb array, including its entry. */
const STORED_NUMBER_LENGTH = 16;

/**
 * Makes the task that shuffles two parties' records so that the records of a group get the same position. When
 * repeated, it keeps the stored permutations: another shuffle would not match what a party may have read.
 */
export function permuteMappingData(
  { database, tasks }: PermuteMappingDataStores,
  { runCheckMs }: PermuteMappingDataOptions = {},
): TaskDefinition {
  return {
    name: TASK_NAMES.permuteMappingData,
    parameters: ["project_id", "run_id", "len_filters1", "len_filters2", "parent_span?"],
    load: "memory",
    async run(parameters, { signal }) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const left = readCount(parameters, "len_filters1");
      const right = readCount(parameters, "len_filters2");
      if (hasEnded(await database.runState(projectId, runId))) return;
      if (STORED_NUMBER_LENGTH * Math.max(left, right) > MAX_STORED_LENGTH) {
        const rows = Math.floor(MAX_STORED_LENGTH / STORED_NUMBER_LENGTH).toLocaleString("en");
        await database.failRun(
          runId,
          `The database can hold permutations of up to ${rows} rows; a party has more.`,
        );
        return;
      }
      await whileRunIsActive(
        database,
        { projectId, runId, signal, checkMs: runCheckMs },
        async (untilEnd) => {
          if ((await database.findMask(runId)) === undefined) {
            await permute(projectId, runId, [left, right], untilEnd);
          }
          await tasks.send(markRunComplete(runId));
        },
      );
    },
  };

  async function permute(
    projectId: string,
    runId: string,
    recordCounts: readonly [number, number],
    signal: AbortSignal,
  ): Promise<void> {
    const stored = await database.findGroups(runId);
    if (stored === undefined) {
      throw new ServiceError("store-failed", "The groups of the run are not stored.");
    }
    const parties = await database.listDataproviders(projectId);
    if (parties.length === 0) return; // deleted just now
    const { permutations, mask } = await permuteInThread(stored, recordCounts, { signal });
    const byParty = permutations.map((permutation, n) => ({ dataproviderId: parties[n]!.id, permutation }));
    await database.addPermutations(projectId, runId, byParty, mask);
  }
}
