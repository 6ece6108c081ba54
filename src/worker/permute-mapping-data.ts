import { permuteGroups } from "../core/permutation.js";
import type { Groups } from "../core/solve-greedy.js";
import type { Database, GroupMember } from "../linkage/database.js";
import { ServiceError } from "../linkage/errors.js";
import { markRunComplete, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { MOST_STORED_LENGTH } from "./groups-length.js";
import { hasEnded } from "./has-ended.js";
import { readCount, readText } from "./task-parameters.js";

export interface PermuteMappingDataStores {
  readonly database: Pick<
    Database,
    "runState" | "failRun" | "findGroups" | "findMask" | "listDataproviders" | "addPermutations"
  >;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** Bytes of a number in a jsonb array, with its entry, at most. */
const STORED_NUMBER_LENGTH = 16;

/**
 * Makes the task that shuffles two parties' rows so that the records of a group come to the same place. Done again it keeps
 * the permutations that are stored: another shuffle would not fit to what a party may have read.
 */
export function permuteMappingData({ database, tasks }: PermuteMappingDataStores): TaskDefinition {
  return {
    name: TASK_NAMES.permuteMappingData,
    parameters: ["project_id", "run_id", "len_filters1", "len_filters2", "parent_span?"],
    load: "memory",
    async run(parameters) {
      const projectId = readText(parameters, "project_id");
      const runId = readText(parameters, "run_id");
      const left = readCount(parameters, "len_filters1");
      const right = readCount(parameters, "len_filters2");
      if (hasEnded(await database.runState(projectId, runId))) return;
      if (STORED_NUMBER_LENGTH * Math.max(left, right) > MOST_STORED_LENGTH) {
        const rows = Math.floor(MOST_STORED_LENGTH / STORED_NUMBER_LENGTH).toLocaleString("en");
        await database.failRun(
          runId,
          `The database can hold permutations of up to ${rows} rows; a party has more.`,
        );
        return;
      }
      if ((await database.findMask(runId)) === undefined) {
        const stored = await database.findGroups(runId);
        if (stored === undefined) {
          throw new ServiceError("store-failed", "groups of the run", "to be stored", "none");
        }
        const parties = await database.listDataproviders(projectId);
        if (parties.length === 0) return; // deleted just now
        const { permutations, mask } = permuteGroups(parseGroups(stored), [left, right]);
        const byParty = permutations.map((permutation, n) => ({
          dataproviderId: parties[n]!.id,
          permutation: Array.from(permutation),
        }));
        await database.addPermutations(projectId, runId, byParty, Array.from(mask));
      }
      await tasks.send(markRunComplete(runId));
    },
  };
}

function parseGroups(json: string): Groups {
  const groups = JSON.parse(json) as readonly (readonly GroupMember[])[];
  const starts = new Uint32Array(groups.length + 1);
  groups.forEach((group, n) => {
    starts[n + 1] = starts[n]! + group.length;
  });
  const datasets = new Uint32Array(starts[groups.length]!);
  const records = new Uint32Array(datasets.length);
  let at = 0;
  for (const group of groups) {
    for (const [dataset, record] of group) {
      datasets[at] = dataset;
      records[at++] = record;
    }
  }
  return { starts, datasets, records };
}
