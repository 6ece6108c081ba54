import { LRUCache } from "lru-cache";
import { deleteRun } from "../../linkage/delete-run.js";
import { runStatus } from "../../linkage/run-status.js";
import { startRun } from "../../linkage/start-run.js";
import { authorize, authorizeRun, type Handlers, isoTime } from "../call.js";
import type { JsonReader } from "../json-body.js";
import type { ResponseBody } from "../openapi.js";
import type { ServiceParts } from "../parts.js";

type RunCalls = "listRuns" | "startRun" | "describeRun" | "deleteRun" | "getRunStatus";
type StatusBody = ResponseBody<"getRunStatus", 200>;

const STAGES: Readonly<Record<number, StatusBody["current_stage"]["description"]>> = {
  1: "waiting for CLKs",
  2: "compute similarity scores",
  3: "compute output",
};
const PROGRESS: Readonly<Record<number, string>> = {
  1: "number of parties already contributed",
  2: "number of already computed similarity scores",
};

/** As long as the original caches it. */
const COMPARISONS_MS = 3_600_000;

/** Starts, lists, describes and deletes runs, and reports their status. */
export function runRoutes(
  { database, cache, objects, tasks }: Pick<ServiceParts, "database" | "cache" | "objects" | "tasks">,
  readJson: JsonReader,
): Handlers<RunCalls> {
  // Complete uploads do not change, and clients that wait for a run poll often.
  const comparisons = new LRUCache<string, number>({
    max: 10_000,
    ttl: COMPARISONS_MS,
    fetchMethod: (projectId) => database.countComparisons(projectId),
  });
  const countComparisons = async (projectId: string) => (await comparisons.fetch(projectId)) ?? 0;

  return {
    async listRuns(call) {
      const { project } = await authorize(call, database, "result", "receipt");
      const runs = await database.listRuns(project.projectId);
      call.body = runs.map(({ runId, timeAdded, state }) => ({
        run_id: runId,
        time_added: isoTime(timeAdded),
        state,
      })) satisfies ResponseBody<"listRuns", 200>;
    },

    async startRun(call) {
      const access = await authorize(call, database, "result");
      const request = await readJson(call, "startRun");
      const { runId, threshold, name, notes } = await startRun({ database, tasks }, access, request);
      call.state.runId = runId;
      call.status = 201;
      call.body = { run_id: runId, threshold, name, notes } satisfies ResponseBody<"startRun", 201>;
    },

    async describeRun(call) {
      const { run } = await authorizeRun(call, database, "result");
      const { runId, threshold, name, notes } = run;
      call.body = { run_id: runId, threshold, name, notes } satisfies ResponseBody<"describeRun", 200>;
    },

    async deleteRun(call) {
      const { project, run } = await authorizeRun(call, database, "result");
      await deleteRun({ database, cache, objects, tasks }, project.projectId, run.runId);
      call.status = 204;
    },

    async getRunStatus(call) {
      const { project, parties, run } = await authorizeRun(call, database, "result", "receipt");
      const stores = { cache, countComparisons };
      const status = await runStatus(stores, project, parties, run, new Date());
      const { state, stage, progress, comparisons, secondsLeft, message } = status;
      call.body = {
        state,
        stages: status.stageCount,
        current_stage: {
          number: stage,
          description: STAGES[stage]!,
          ...(progress === undefined ? {} : { progress: { ...progress, description: PROGRESS[stage]! } }),
        },
        time_added: isoTime(run.timeAdded),
        ...(state === "error" ? {} : { time_started: run.timeStarted ? isoTime(run.timeStarted) : null }),
        ...(state === "completed" && run.timeCompleted ? { time_completed: isoTime(run.timeCompleted) } : {}),
        ...(comparisons === undefined ? {} : { total_number_comparisons: comparisons }),
        ...(secondsLeft === undefined ? {} : { estimated_seconds_left: secondsLeft }),
        ...(message === undefined ? {} : { message }),
      } satisfies StatusBody;
    },
  };
}
