import type { Database } from "../linkage/database.js";
import type { WritableEncodingStore } from "../linkage/encoding-store.js";
import type { Dataprovider, Project } from "../linkage/project.js";
import type { Run } from "../linkage/run.js";
import type { RunCache } from "../linkage/run-cache.js";
import { prerunCheck, TASK_NAMES } from "../linkage/task-calls.js";
import type { TaskContext, TaskDefinition, TaskQueue } from "../linkage/task-queue.js";
import { findSizeProblem, schemaEncodingSize } from "../linkage/uploads/encoding-size.js";
import { readText } from "./task-parameters.js";

export interface CheckForExecutableRunsStores {
  readonly database: Pick<
    Database,
    | "findProject"
    | "listDataproviders"
    | "settleEncodingSize"
    | "findUpload"
    | "failUpload"
    | "failRunsOfProject"
    | "queueRuns"
    | "listRuns"
  >;
  readonly encodings: Pick<WritableEncodingStore, "remove">;
  readonly cache: Pick<RunCache, "clearProgress">;
  readonly tasks: Pick<TaskQueue, "send">;
}

/** Minimum and maximum bytes in an encoding. */
export type EncodingSizeLimits = Parameters<typeof findSizeProblem>[2];

/**
 * Makes the task that starts the runs of a project once the encodings of all parties are stored and have the right
 * size. Uploads of a wrong size and the runs are marked as in error, and the encodings of those uploads are removed.
 * The task may be sent at any time, and more than once.
 */
export function checkForExecutableRuns(
  { database, encodings, cache, tasks }: CheckForExecutableRunsStores,
  limits: EncodingSizeLimits,
): TaskDefinition {
  return { name: TASK_NAMES.checkForExecutableRuns, parameters: ["project_id", "parent_span?"], run };

  async function run(
    parameters: Readonly<Record<string, unknown>>,
    { isRepeat = false }: Pick<TaskContext, "isRepeat">,
  ): Promise<void> {
    const projectId = readText(parameters, "project_id");
    const project = await database.findProject(projectId);
    const parties = await database.listDataproviders(projectId);
    if (project === undefined || parties.length === 0 || !parties.every(isReady)) return;

    const wanted =
      project.encodingSize ?? schemaEncodingSize(project.schema) ?? parties[0]!.upload!.encodingSize ?? 0;
    if (!(await doAllFit(project, parties, wanted))) return;
    const settled = await database.settleEncodingSize(projectId, wanted);
    if (settled === undefined) return; // deleted just now
    if (settled !== wanted && !(await doAllFit(project, parties, settled))) return;

    const queued = await database.queueRuns(projectId);
    for (const runId of queued) await cache.clearProgress(runId);
    // The first attempt may have queued runs and died before it sent anything. Runs queued by another task are started
    // by that task's calls: starting them here as well would make a Python worker send their comparisons twice.
    const isQueued = ({ runId, state }: Run) => state === "queued" && (isRepeat || queued.includes(runId));
    for (const { runId } of (await database.listRuns(projectId)).filter(isQueued)) {
      await tasks.send(prerunCheck(projectId, runId));
    }
  }

  /** Whether the encodings of all uploads have this size; marks those that do not, and the runs, as in error. */
  async function doAllFit(
    { projectId, schema }: Project,
    parties: readonly Dataprovider[],
    encodingSize: number,
  ): Promise<boolean> {
    let message: string | undefined;
    for (const { id, index, upload } of parties) {
      const problem = findSizeProblem(upload?.encodingSize ?? 0, { schema, encodingSize }, limits);
      if (problem === undefined) continue;
      await refuse(id, upload!.receiptToken);
      message ??= `The encodings of party ${index} must have ${problem.expected}, but have ${problem.received}.`;
    }
    if (message !== undefined) await database.failRunsOfProject(projectId, message);
    return message === undefined;
  }

  async function refuse(dataproviderId: number, receiptToken: string): Promise<void> {
    // Remove first: while the upload is ready no other can begin, and a task that dies in between is repeated.
    const upload = await database.findUpload(dataproviderId);
    if (upload?.receiptToken !== receiptToken || upload.state !== "ready") return; // another task was first
    await encodings.remove(dataproviderId, receiptToken);
    await database.failUpload(dataproviderId, receiptToken);
  }
}

function isReady({ state, upload }: Dataprovider): boolean {
  return state === "done" && upload?.state === "ready";
}
